// A function of the index, for every index.
#pragma once

#include "cuda/gpu.cuh"

namespace distill::cuda {

constexpr int kElementThreads = 256;

// Each thread takes elements a grid apart, so that neighbours touch neighbours.
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

}  // namespace distill::cuda
