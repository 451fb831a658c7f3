// Sums in double precision over the threads of a warp or of a block.
#pragma once

#include "cuda/gpu.cuh"

namespace distill::gpu {

__device__ inline double warp_sum(double value) {
  GPU_UNROLL
  for (int distance = 16; distance; distance >>= 1) value += __shfl_xor_sync(~0u, value, distance);
  return value;
}

// The sum over a block of `threads`, returned in every thread; all threads must call it.
template <int threads>
__device__ inline double block_sum(double value) {
  SHARED(double, [threads / 32], shared);
  value = warp_sum(value);
  if (threadIdx.x % 32 == 0) shared[threadIdx.x / 32] = value;
  __syncthreads();
  value = 0;
  for (int i = 0; i < threads / 32; i++) value += shared[i];
  __syncthreads();
  return value;
}

}  // namespace distill::gpu
