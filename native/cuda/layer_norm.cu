// Layer norm: one warp per row. Limited by memory.
#include "cuda/columns.cuh"
#include "cuda/launchers.h"

namespace distill::cuda {

namespace {

using gpu::Eight;
using gpu::eight_of;
using gpu::load8;
using gpu::store8;

constexpr int kWarps = 4, kThreads = 32 * kWarps;

// Calls body(column, count) for the groups of 8 columns of a row that belong to this lane
template <class Body>
__device__ inline void along_row(int64_t D, const Body &body) {
  for (int64_t i = threadIdx.x % 32 * 8; i < D; i += 256) body(i, static_cast<int>(min(D - i, int64_t{8})));
}

// Computes the mean first and then the squared deviations: the difference of two large sums would lose digits.
__global__ void __launch_bounds__(kThreads) forward_rows(LayerNormForward a) {
  const int64_t row = int64_t{blockIdx.x} * kWarps + threadIdx.x / 32, first = row * a.D;
  if (row >= a.M) return;  // the whole warp
  float sum = 0, squares = 0;
  along_row(a.D, [&](int64_t i, int count) {
    const Eight x = load8(a.x, first + i, count);
    GPU_UNROLL
    for (int j = 0; j < 8; j++) sum += x.of[j];
  });
  const float mean = gpu::warp_sum(sum) / static_cast<float>(a.D);
  along_row(a.D, [&](int64_t i, int count) {
    const Eight x = load8(a.x, first + i, count);
    GPU_UNROLL
    for (int j = 0; j < 8; j++) squares += j < count ? (x.of[j] - mean) * (x.of[j] - mean) : 0.0f;
  });
  const float rstd = 1 / sqrtf(gpu::warp_sum(squares) / static_cast<float>(a.D) + a.eps);
  along_row(a.D, [&](int64_t i, int count) {
    const Eight x = load8(a.x, first + i, count), weight = load8({a.weight}, i, count), bias = load8({a.bias}, i, count);
    store8(a.y, first + i, eight_of([&](int j) { return (x.of[j] - mean) * rstd * weight.of[j] + bias.of[j]; }), count);
  });
  if (threadIdx.x % 32 == 0) {
    a.mean[row] = mean;
    a.rstd[row] = rstd;
  }
}

// With g = dy weight and n the normalised x: dx = rstd (g - mean(g) - n mean(g n))
__global__ void __launch_bounds__(kThreads) backward_rows(LayerNormBackward a) {
  const int64_t row = int64_t{blockIdx.x} * kWarps + threadIdx.x / 32, first = row * a.D;
  if (row >= a.M) return;  // the whole warp
  const float mean = a.mean[row], rstd = a.rstd[row];
  // g, then n
  const auto both = [&](int64_t i, int count, Eight &g, Eight &n) {
    const Eight x = load8(a.x, first + i, count), dy = load8(a.dy, first + i, count), weight = load8({a.weight}, i, count);
    g = eight_of([&](int j) { return dy.of[j] * weight.of[j]; });
    n = eight_of([&](int j) { return (x.of[j] - mean) * rstd; });
  };
  float sum_g = 0, sum_gn = 0;
  along_row(a.D, [&](int64_t i, int count) {
    Eight g, n;
    both(i, count, g, n);
    GPU_UNROLL
    for (int j = 0; j < 8; j++) sum_g += g.of[j], sum_gn += g.of[j] * n.of[j];
  });
  const float mean_g = gpu::warp_sum(sum_g) / static_cast<float>(a.D);
  const float mean_gn = gpu::warp_sum(sum_gn) / static_cast<float>(a.D);
  along_row(a.D, [&](int64_t i, int count) {
    Eight g, n;
    both(i, count, g, n);
    store8(a.dx, first + i, eight_of([&](int j) { return rstd * (g.of[j] - mean_g - n.of[j] * mean_gn); }), count);
  });
}

}  // namespace

void layer_norm_forward(const LayerNormForward &a) { GPU_LAUNCH(forward_rows, gpu::blocks_for(a.M, kWarps), kThreads, 0, a); }

void layer_norm_backward(const LayerNormBackward &a) {
  const auto term = [=] __device__(int64_t row, int64_t i, int count) {
    const Eight x = load8(a.x, row * a.D + i, count), dy = load8(a.dy, row * a.D + i, count);
    const float mean = a.mean[row], rstd = a.rstd[row];
    return gpu::Sums8<2>{{eight_of([&](int j) { return dy.of[j] * (x.of[j] - mean) * rstd; }), dy}};
  };
  const auto finish = [=] __device__(int64_t i, const gpu::Sums<2> &sums) {
    a.dweight[i] = sums.of[0];
    a.dbias[i] = sums.of[1];
  };
  gpu::column_sums<2>(a.M, a.D, term, finish);
  GPU_LAUNCH(backward_rows, gpu::blocks_for(a.M, kWarps), kThreads, 0, a);
}

}  // namespace distill::cuda
