// Runs a function of the index, for every index or for every eighth.
#pragma once

#include "cuda/gpu.cuh"

namespace distill::cuda {

constexpr int kElementThreads = 256;

// Each thread takes elements a grid apart, so that neighbouring threads touch neighbouring elements.
template <class Function>
__global__ void __launch_bounds__(kElementThreads) elements(int64_t size, Function function) {
  const int64_t step = int64_t{gridDim.x} * kElementThreads;
  for (int64_t i = int64_t{blockIdx.x} * kElementThreads + threadIdx.x; i < size; i += step) function(i);
}

// Queues function(i) for 0 <= i < size; function is a __device__ lambda that captures by value.
template <class Function>
void for_each(int64_t size, Function function) {
  if (size == 0) return;
  constexpr unsigned kMostBlocks = 4096;
  const unsigned blocks = gpu::blocks_for(size, kElementThreads);
  GPU_LAUNCH(elements<Function>, blocks < kMostBlocks ? blocks : kMostBlocks, kElementThreads, 0, size, function);
}

// Queues function(i, count) for every eighth i < size, where it owns i ... i + count - 1.
template <class Function>
void for_each_eight(int64_t size, Function function) {
  for_each((size + 7) / 8, [=] __device__(int64_t i) { function(8 * i, static_cast<int>(min(size - 8 * i, int64_t{8}))); });
}

// The same along the rows of a matrix [rows, columns]: function(row, column, count).
template <class Function>
void for_each_eight(int64_t rows, int64_t columns, Function function) {
  const int64_t wide = (columns + 7) / 8;
  for_each(rows * wide, [=] __device__(int64_t i) {
    const int64_t row = i / wide, column = (i - row * wide) * 8;
    function(row, column, static_cast<int>(min(columns - column, int64_t{8})));
  });
}

}  // namespace distill::cuda
