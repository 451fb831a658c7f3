// Batch norm: sums over all pixels by channel, then each element by itself. Limited by memory.
#include "cuda/columns.cuh"
#include "cuda/elementwise.cuh"
#include "cuda/launchers.h"

namespace distill::cuda {

namespace {

__device__ inline float activated(float value, bool relu) { return relu && !(value > 0) ? 0.0f : value; }

}  // namespace

// Mean first, then the squares of what is left: the difference of two large sums would lose digits.
void batch_norm_forward_train(const BatchNormForwardTrain &a) {
  const auto value = [=] __device__(int64_t row, int64_t c) { return gpu::Sums<1>{{a.x[row * a.C + c]}}; };
  const auto take_mean = [=] __device__(int64_t c, const gpu::Sums<1> &sums) {
    a.mean[c] = sums.of[0] / static_cast<float>(a.M);
    a.running_mean[c] = (1 - a.momentum) * a.running_mean[c] + a.momentum * a.mean[c];
  };
  gpu::column_sums<1>(a.M, a.C, value, take_mean);

  const auto square = [=] __device__(int64_t row, int64_t c) {
    const float difference = a.x[row * a.C + c] - a.mean[c];
    return gpu::Sums<1>{{difference * difference}};
  };
  const auto take_variance = [=] __device__(int64_t c, const gpu::Sums<1> &sums) {
    a.rstd[c] = 1 / sqrtf(sums.of[0] / static_cast<float>(a.M) + a.eps);
    const float unbiased = sums.of[0] / static_cast<float>(a.M > 1 ? a.M - 1 : 1);
    a.running_var[c] = (1 - a.momentum) * a.running_var[c] + a.momentum * unbiased;
  };
  gpu::column_sums<1>(a.M, a.C, square, take_variance);

  for_each(a.M * a.C, [=] __device__(int64_t i) {
    const int64_t c = i % a.C;
    const float normalised = (a.x[i] - a.mean[c]) * a.rstd[c] * a.weight[c] + a.bias[c];
    a.y[i] = activated(a.residual ? normalised + a.residual[i] : normalised, a.relu);
  });
}

void batch_norm_forward_eval(const BatchNormForwardEval &a) {
  for_each(a.M * a.C, [=] __device__(int64_t i) {
    const int64_t c = i % a.C;
    const float rstd = 1 / sqrtf(a.running_var[c] + a.eps);
    const float normalised = (a.x[i] - a.running_mean[c]) * rstd * a.weight[c] + a.bias[c];
    a.y[i] = activated(a.residual ? normalised + a.residual[i] : normalised, a.relu);
  });
}

// With g the masked dy and n the normalised x: dx = weight rstd (g - mean(g) - n mean(g n))
void batch_norm_backward(const BatchNormBackward &a) {
  const auto masked = [=] __device__(int64_t i) { return a.relu && !(a.y[i] > 0) ? 0.0f : a.dy[i]; };
  const auto term = [=] __device__(int64_t row, int64_t c) {
    const int64_t i = row * a.C + c;
    const float g = masked(i);
    return gpu::Sums<2>{{g * (a.x[i] - a.mean[c]) * a.rstd[c], g}};
  };
  const auto finish = [=] __device__(int64_t c, const gpu::Sums<2> &sums) {
    a.dweight[c] = sums.of[0];
    a.dbias[c] = sums.of[1];
  };
  gpu::column_sums<2>(a.M, a.C, term, finish);

  for_each(a.M * a.C, [=] __device__(int64_t i) {
    const int64_t c = i % a.C;
    const float g = masked(i), normalised = (a.x[i] - a.mean[c]) * a.rstd[c];
    const float mean_g = a.dbias[c] / static_cast<float>(a.M), mean_gn = a.dweight[c] / static_cast<float>(a.M);
    if (a.dresidual) a.dresidual[i] = g;
    a.dx[i] = a.weight[c] * a.rstd[c] * (g - mean_g - normalised * mean_gn);
  });
}

}  // namespace distill::cuda
