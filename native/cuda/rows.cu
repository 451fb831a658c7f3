// Ops on the rows of a matrix, one warp per row: a row has as many elements as there are classes, or as a layer has inputs.
#include "cuda/elementwise.cuh"
#include "cuda/launchers.h"
#include "cuda/sums.cuh"

namespace distill::cuda {

namespace {

constexpr int kWarps = 4, kThreads = 32 * kWarps;

__device__ inline int64_t row_of_warp() { return int64_t{blockIdx.x} * kWarps + threadIdx.x / 32; }

__global__ void __launch_bounds__(kThreads) sum_of_rows(SumRowsForward a) {
  const int64_t row = row_of_warp();
  if (row >= a.M) return;  // the whole warp
  double sum = 0;
  for (int64_t k = threadIdx.x % 32; k < a.K; k += 32) sum += a.x[row * a.K + k];
  sum = gpu::warp_sum(sum);
  if (threadIdx.x % 32 == 0) a.y[row] = static_cast<float>(sum);
}

__global__ void __launch_bounds__(kThreads) scaled_rows_backward(ScaleRowsBackward a) {
  const int64_t row = row_of_warp();
  if (row >= a.M) return;  // the whole warp
  double sum = 0;
  for (int64_t k = row * a.K + threadIdx.x % 32; k < (row + 1) * a.K; k += 32) {
    sum += double{a.dy[k]} * a.x[k];
    a.dx[k] = a.dy[k] * a.factors[row];
  }
  sum = gpu::warp_sum(sum);
  if (threadIdx.x % 32 == 0) a.dfactors[row] = static_cast<float>(sum);
}

// What softmax and its logarithm need of the row x [K], shared by a warp.
struct Exponentials {
  float greatest, sum;
  __device__ Exponentials(const float *x, int64_t K) {
    float most = -INFINITY, part = 0;
    for (int64_t k = threadIdx.x % 32; k < K; k += 32) most = fmaxf(most, x[k]);
    greatest = gpu::warp_max(most);
    for (int64_t k = threadIdx.x % 32; k < K; k += 32) part += expf(x[k] - greatest);
    sum = gpu::warp_sum(part);
  }
};

__global__ void __launch_bounds__(kThreads) log_sum_exp_of_rows(LogSumExpForward a) {
  const int64_t row = row_of_warp();
  if (row >= a.M) return;  // the whole warp
  const Exponentials of(a.x + row * a.K, a.K);
  if (threadIdx.x % 32 == 0) a.y[row] = of.greatest + logf(of.sum);
}

__global__ void __launch_bounds__(kThreads) softmax_of_rows(LogSumExpBackward a) {
  const int64_t row = row_of_warp();
  if (row >= a.M) return;  // the whole warp
  const float *x = a.x + row * a.K;
  const Exponentials of(x, a.K);
  const float slope = a.dy[row] / of.sum;
  for (int64_t k = threadIdx.x % 32; k < a.K; k += 32) a.dx[row * a.K + k] = expf(x[k] - of.greatest) * slope;
}

// A row's largest value so far and its column; K where there is none yet.
struct Largest {
  float value;
  int64_t column;
  __device__ void take(float other, int64_t its_column) {
    if (other > value || (other == value && its_column < column)) value = other, column = its_column;
  }
};

__global__ void __launch_bounds__(kThreads) largest_of_rows(Argmax a) {
  const int64_t row = row_of_warp();
  if (row >= a.M) return;  // the whole warp
  Largest largest{-INFINITY, a.K};
  for (int64_t k = threadIdx.x % 32; k < a.K; k += 32) largest.take(a.x[row * a.K + k], k);
  GPU_UNROLL
  for (int distance = 16; distance; distance >>= 1) {
    const float value = __shfl_xor_sync(~0u, largest.value, distance);
    const int column = __shfl_xor_sync(~0u, static_cast<int>(largest.column), distance);
    largest.take(value, column);
  }
  // Nothing is larger than -infinity where all is NaN or -infinity.
  if (threadIdx.x % 32 == 0) a.y[row] = largest.value == -INFINITY ? 0 : static_cast<int32_t>(largest.column);
}

}  // namespace

void scale_rows_forward(const ScaleRowsForward &a) {
  for_each(a.M * a.K, [=] __device__(int64_t i) { a.y[i] = a.x[i] * a.factors[i / a.K]; });
}

void scale_rows_backward(const ScaleRowsBackward &a) { GPU_LAUNCH(scaled_rows_backward, gpu::blocks_for(a.M, kWarps), kThreads, 0, a); }

void sum_rows_forward(const SumRowsForward &a) { GPU_LAUNCH(sum_of_rows, gpu::blocks_for(a.M, kWarps), kThreads, 0, a); }

void sum_rows_backward(const SumRowsBackward &a) {
  for_each(a.M * a.K, [=] __device__(int64_t i) { a.dx[i] = a.dy[i / a.K]; });
}

void log_sum_exp_forward(const LogSumExpForward &a) { GPU_LAUNCH(log_sum_exp_of_rows, gpu::blocks_for(a.M, kWarps), kThreads, 0, a); }

void log_sum_exp_backward(const LogSumExpBackward &a) { GPU_LAUNCH(softmax_of_rows, gpu::blocks_for(a.M, kWarps), kThreads, 0, a); }

void one_hot(const OneHot &a) {
  for_each(a.N * a.K, [=] __device__(int64_t i) { a.y[i] = a.labels[i / a.K] == i % a.K ? 1.0f : 0.0f; });
}

void argmax(const Argmax &a) { GPU_LAUNCH(largest_of_rows, gpu::blocks_for(a.M, kWarps), kThreads, 0, a); }

}  // namespace distill::cuda
