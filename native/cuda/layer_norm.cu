// Layer norm: a warp per row. Limited by memory.
#include "cuda/columns.cuh"
#include "cuda/launchers.h"

namespace distill::cuda {

namespace {

constexpr int kWarps = 4, kThreads = 32 * kWarps;

__device__ inline int64_t row_of_warp() { return int64_t{blockIdx.x} * kWarps + threadIdx.x / 32; }
__device__ inline int64_t lane_of_warp() { return threadIdx.x % 32; }

// Mean first, then the squares of what is left: the difference of two large sums would lose digits.
__global__ void __launch_bounds__(kThreads) forward_rows(LayerNormForward a) {
  const int64_t row = row_of_warp(), lane = lane_of_warp();
  if (row >= a.M) return;  // the whole warp
  const Floats x = a.x + row * a.D;
  const FloatsOut y = a.y + row * a.D;
  float sum = 0;
  for (int64_t i = lane; i < a.D; i += 32) sum += x[i];
  const float mean = gpu::warp_sum(sum) / static_cast<float>(a.D);
  float squares = 0;
  for (int64_t i = lane; i < a.D; i += 32) squares += (x[i] - mean) * (x[i] - mean);
  const float rstd = 1 / sqrtf(gpu::warp_sum(squares) / static_cast<float>(a.D) + a.eps);
  for (int64_t i = lane; i < a.D; i += 32) y[i] = (x[i] - mean) * rstd * a.weight[i] + a.bias[i];
  if (lane == 0) {
    a.mean[row] = mean;
    a.rstd[row] = rstd;
  }
}

// With g = dy weight and n the normalised x: dx = rstd (g - mean(g) - n mean(g n))
__global__ void __launch_bounds__(kThreads) backward_rows(LayerNormBackward a) {
  const int64_t row = row_of_warp(), lane = lane_of_warp();
  if (row >= a.M) return;  // the whole warp
  const Floats x = a.x + row * a.D, dy = a.dy + row * a.D;
  const FloatsOut dx = a.dx + row * a.D;
  const float mean = a.mean[row], rstd = a.rstd[row];
  float sum = 0, sum_normalised = 0;
  for (int64_t i = lane; i < a.D; i += 32) {
    const float g = dy[i] * a.weight[i];
    sum += g;
    sum_normalised += g * (x[i] - mean) * rstd;
  }
  const float mean_g = gpu::warp_sum(sum) / static_cast<float>(a.D);
  const float mean_gn = gpu::warp_sum(sum_normalised) / static_cast<float>(a.D);
  for (int64_t i = lane; i < a.D; i += 32) dx[i] = rstd * (dy[i] * a.weight[i] - mean_g - (x[i] - mean) * rstd * mean_gn);
}

}  // namespace

void layer_norm_forward(const LayerNormForward &a) { GPU_LAUNCH(forward_rows, gpu::blocks_for(a.M, kWarps), kThreads, 0, a); }

void layer_norm_backward(const LayerNormBackward &a) {
  const auto term = [=] __device__(int64_t row, int64_t i) {
    const float dy = a.dy[row * a.D + i];
    return gpu::Sums<2>{{dy * (a.x[row * a.D + i] - a.mean[row]) * a.rstd[row], dy}};
  };
  const auto finish = [=] __device__(int64_t i, const gpu::Sums<2> &sums) {
    a.dweight[i] = sums.of[0];
    a.dbias[i] = sums.of[1];
  };
  gpu::column_sums<2>(a.M, a.D, term, finish);
  GPU_LAUNCH(backward_rows, gpu::blocks_for(a.M, kWarps), kThreads, 0, a);
}

}  // namespace distill::cuda
