// Batch norm: sums per channel over all pixels, then elementwise. Limited by memory.
#include "cuda/activations.cuh"
#include "cuda/columns.cuh"
#include "cuda/elementwise.cuh"
#include "cuda/launchers.h"

namespace distill::cuda {

namespace {

using gpu::activated;
using gpu::Eight;
using gpu::eight_of;
using gpu::load8;
using gpu::passes;
using gpu::store8;

// y = activation((x - mean) rstd weight + bias + residual) for `count` channels of a row
template <class Op>
__device__ inline void normalise(const Op &a, int64_t row, int64_t c, int count, const float *means, const Eight &rstd) {
  const int64_t at = row * a.C + c;
  const Eight x = load8(a.x, at, count), mean = load8({means}, c, count), weight = load8({a.weight}, c, count),
              bias = load8({a.bias}, c, count);
  const Eight residual = a.residual ? load8(a.residual, at, count) : Eight{};
  const auto value = [&](int j) {
    return activated((x.of[j] - mean.of[j]) * rstd.of[j] * weight.of[j] + bias.of[j] + residual.of[j], a.activation);
  };
  store8(a.y, at, eight_of(value), count);
}

}  // namespace

// Computes the mean first and then the squared deviations: the difference of two large sums would lose digits.
void batch_norm_forward_train(const BatchNormForwardTrain &a) {
  const auto take_mean = [=] __device__(int64_t c, const gpu::Sums<1> &sums) {
    a.mean[c] = sums.of[0] / static_cast<float>(a.M);
    a.running_mean[c] = (1 - a.momentum) * a.running_mean[c] + a.momentum * a.mean[c];
  };
  const auto value = [=] __device__(int64_t row, int64_t c, int count) { return gpu::Sums8<1>{{load8(a.x, row * a.C + c, count)}}; };
  gpu::column_sums<1>(a.M, a.C, value, take_mean);

  const auto square = [=] __device__(int64_t row, int64_t c, int count) {
    const Eight x = load8(a.x, row * a.C + c, count), mean = load8({a.mean}, c, count);
    return gpu::Sums8<1>{{eight_of([&](int j) { return (x.of[j] - mean.of[j]) * (x.of[j] - mean.of[j]); })}};
  };
  const auto take_variance = [=] __device__(int64_t c, const gpu::Sums<1> &sums) {
    a.rstd[c] = 1 / sqrtf(sums.of[0] / static_cast<float>(a.M) + a.eps);
    const float unbiased = sums.of[0] / static_cast<float>(a.M > 1 ? a.M - 1 : 1);
    a.running_var[c] = (1 - a.momentum) * a.running_var[c] + a.momentum * unbiased;
  };
  gpu::column_sums<1>(a.M, a.C, square, take_variance);

  for_each_eight(a.M, a.C,
                 [=] __device__(int64_t row, int64_t c, int count) { normalise(a, row, c, count, a.mean, load8({a.rstd}, c, count)); });
}

void batch_norm_forward_eval(const BatchNormForwardEval &a) {
  for_each_eight(a.M, a.C, [=] __device__(int64_t row, int64_t c, int count) {
    const Eight variance = load8({a.running_var}, c, count);
    normalise(a, row, c, count, a.running_mean, eight_of([&](int j) { return 1 / sqrtf(variance.of[j] + a.eps); }));
  });
}

// With g the masked dy and n the normalised x: dx = weight rstd (g - mean(g) - n mean(g n))
void batch_norm_backward(const BatchNormBackward &a) {
  const auto masked = [=] __device__(int64_t at, int count) {
    const Eight dy = load8(a.dy, at, count);
    if (a.activation == Activation::none) return dy;
    const Eight y = load8(a.y, at, count);
    return eight_of([&](int j) { return passes(y.of[j], a.activation) ? dy.of[j] : 0.0f; });
  };
  const auto term = [=] __device__(int64_t row, int64_t c, int count) {
    const int64_t at = row * a.C + c;
    const Eight g = masked(at, count), x = load8(a.x, at, count), mean = load8({a.mean}, c, count);
    return gpu::Sums8<2>{{eight_of([&](int j) { return g.of[j] * (x.of[j] - mean.of[j]); }), g}};
  };
  const auto finish = [=] __device__(int64_t c, const gpu::Sums<2> &sums) {
    a.dweight[c] = sums.of[0] * a.rstd[c];
    a.dbias[c] = sums.of[1];
  };
  gpu::column_sums<2>(a.M, a.C, term, finish);

  for_each_eight(a.M, a.C, [=] __device__(int64_t row, int64_t c, int count) {
    const int64_t at = row * a.C + c;
    const Eight g = masked(at, count), x = load8(a.x, at, count), mean = load8({a.mean}, c, count), rstd = load8({a.rstd}, c, count);
    const Eight weight = load8({a.weight}, c, count);
    const Eight sum_g = load8({a.dbias}, c, count), sum_gn = load8({a.dweight}, c, count);
    const float rows = static_cast<float>(a.M);
    if (a.dresidual) store8(a.dresidual, at, g, count);
    const auto value = [&](int j) {
      const float n = (x.of[j] - mean.of[j]) * rstd.of[j];
      return weight.of[j] * rstd.of[j] * (g.of[j] - sum_g.of[j] / rows - n * (sum_gn.of[j] / rows));
    };
    store8(a.dx, at, eight_of(value), count);
  });
}

}  // namespace distill::cuda
