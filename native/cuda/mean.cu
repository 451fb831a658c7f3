// Means over a whole tensor in double precision: each block sums a range of a fixed length, then one block sums the ranges.
#include "cuda/eight.cuh"
#include "cuda/elementwise.cuh"
#include "cuda/launchers.h"
#include "cuda/sums.cuh"
#include "cuda/workspace.h"

namespace distill::cuda {

namespace {

using gpu::Eight;
using gpu::eight_of;
using gpu::load8;
using gpu::store8;

constexpr int kThreads = 256;
constexpr int64_t kRange = kThreads * 8 * 4;

template <class Terms>
__global__ void __launch_bounds__(kThreads) sum_ranges(int64_t size, Terms terms, double *sums) {
  const int64_t begin = blockIdx.x * kRange, end = min(size, begin + kRange);
  double sum = 0;
  for (int64_t i = begin + threadIdx.x * 8; i < end; i += kThreads * 8) {
    const int count = static_cast<int>(min(end - i, int64_t{8}));
    const Eight some = terms(i, count);
    GPU_UNROLL
    for (int j = 0; j < 8; j++) sum += some.of[j];
  }
  sum = gpu::block_sum<kThreads>(sum);
  if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}

__global__ void __launch_bounds__(kThreads) mean_of_sums(int64_t ranges, const double *sums, int64_t size, float *y) {
  double sum = 0;
  for (int64_t i = threadIdx.x; i < ranges; i += kThreads) sum += sums[i];
  sum = gpu::block_sum<kThreads>(sum);
  if (threadIdx.x == 0) *y = static_cast<float>(sum / static_cast<double>(size));
}

// Queues y = mean of what terms(i, count) gives for elements i ... i + count - 1 of `size`, and zeros beyond.
template <class Terms>
void mean(int64_t size, const Terms &terms, float *y) {
  const unsigned ranges = gpu::blocks_for(size, kRange);
  auto *sums = gpu::workspace_of<double>(ranges);
  GPU_LAUNCH(sum_ranges<Terms>, ranges, kThreads, 0, size, terms, sums);
  GPU_LAUNCH(mean_of_sums, 1, kThreads, 0, ranges, sums, size, y);
}

// x - target of elements i ... i + count - 1; x where there is no target
__device__ inline Eight differences(Floats x, Floats target, int64_t i, int count) {
  const Eight values = load8(x, i, count);
  if (!target) return values;
  const Eight wanted = load8(target, i, count);
  return eight_of([&](int j) { return values.of[j] - wanted.of[j]; });
}

}  // namespace

void mean_forward(const MeanForward &a) {
  mean(
      a.size, [=] __device__(int64_t i, int count) { return load8(a.x, i, count); }, a.y);
}

void mean_backward(const MeanBackward &a) {
  for_each_eight(a.size, [=] __device__(int64_t i, int count) {
    const float dx = a.dy[0] / static_cast<float>(a.size);
    store8(a.dx, i, eight_of([&](int) { return dx; }), count);
  });
}

void mean_square_forward(const MeanSquareForward &a) {
  const auto squares = [=] __device__(int64_t i, int count) {
    const Eight d = differences(a.x, a.target, i, count);
    return eight_of([&](int j) { return d.of[j] * d.of[j]; });
  };
  mean(a.size, squares, a.y);
}

void mean_square_backward(const MeanSquareBackward &a) {
  for_each_eight(a.size, [=] __device__(int64_t i, int count) {
    const float slope = a.dy[0] * 2 / static_cast<float>(a.size);
    const Eight d = differences(a.x, a.target, i, count);
    store8(a.dx, i, eight_of([&](int j) { return slope * d.of[j]; }), count);
  });
}

}  // namespace distill::cuda
