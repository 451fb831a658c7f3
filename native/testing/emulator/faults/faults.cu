// Kernels, each with and without a mistake: the emulator must report the one and be silent about the other.
#include "cuda/gpu.cuh"
#include "cuda/tensor_cores.cuh"
#include "testing/emulator/faults/faults.h"

namespace distill::faults {

namespace {

// Mistakes planted by leaving out a line.
#define UNLESS(planted) if (!(planted))

__global__ void shared_race(float *y, bool planted) {
  SHARED(float, [64], x);
  x[threadIdx.x] = static_cast<float>(threadIdx.x);
  UNLESS(planted) __syncthreads();
  y[threadIdx.x] = x[63 - threadIdx.x];
}

__global__ void warp_race(float *y, bool planted) {
  SHARED(float, [32], x);
  x[threadIdx.x] = 1;
  UNLESS(planted) __syncwarp();
  y[threadIdx.x] = x[31 - threadIdx.x];
}

__global__ void non_atomic_sum(float *y, bool planted) {
  if (threadIdx.x != 0) return;
  if (planted)
    y[0] += 1;
  else
    atomicAdd(y, 1.0f);
}

// The barrier after the last use of a buffer, before it is written again.
__global__ void dropped_barrier(const float *x, float *y, bool planted) {
  SHARED(float, [64], buffer);
  float sum = 0;
  for (int i = 0; i < 4; i++) {
    buffer[threadIdx.x] = x[64 * i + threadIdx.x];
    __syncthreads();
    sum += buffer[63 - threadIdx.x];
    UNLESS(planted) __syncthreads();
  }
  y[threadIdx.x] = sum;
}

__global__ void divergent_barrier(float *y, bool planted) {
  if (planted && threadIdx.x < 32)
    __syncthreads();
  else
    __syncthreads();
  y[threadIdx.x] = 1;
}

__global__ void early_exit(float *y, bool planted) {
  if (planted && threadIdx.x > 40) return;
  __syncthreads();
  y[threadIdx.x] = 1;
}

__global__ void divergent_shuffle(float *y, bool planted) {
  float value = 1;
  if (!planted || threadIdx.x < 16)
    value += __shfl_xor_sync(~0u, value, 1);
  else
    value += __shfl_xor_sync(~0u, value, 2);
  y[threadIdx.x] = value;
}

__global__ void deadlock(float *y, bool planted) {
  if (planted && threadIdx.x % 32 == 0)
    __syncwarp();
  else
    __syncthreads();
  y[threadIdx.x] = 1;
}

__global__ void copy_element(const float *x, float *y, int count) {
  if (static_cast<int>(threadIdx.x) < count) y[threadIdx.x] = x[threadIdx.x];
}

__global__ void shared_out_of_bounds(float *y, bool planted) {
  SHARED(float, [32], x);
  x[threadIdx.x + (planted ? 1 : 0)] = 1;
  __syncthreads();
  y[threadIdx.x] = x[threadIdx.x];
}

// 40 KiB in addition to the 8 or 32 of the launch below.
__global__ void shared_unasked(float *y) {
  SHARED(float, [10 << 10], x);
  x[threadIdx.x] = 1;
  y[threadIdx.x] = x[threadIdx.x];
}

__global__ void misaligned(const float *x, float *y, bool planted) {
  const float4 four = gpu::load4(x + (planted ? 1 : 0));
  y[threadIdx.x] = four.x;
}

__global__ void unfinished_copy(const float *x, float *y, bool planted) {
  SHARED(float, [4 * 32], buffer);
  gpu::copy_async(gpu::shared_address(&buffer[4 * threadIdx.x]), x + 4 * threadIdx.x, 16);
  gpu::copy_async_commit();
  UNLESS(planted) gpu::copy_async_wait<0>();
  __syncthreads();
  y[threadIdx.x] = buffer[threadIdx.x];
  if (planted) gpu::copy_async_wait<0>();
}

// One warp computes y [16,8] = a [16,16] b [16,8]. The planted mistake uses the wrong half of a's columns, which only the values show.
__global__ void product(const bf16 *a, const bf16 *b, float *y, bool planted) {
  SHARED(bf16, [16][24], shared_a);
  SHARED(bf16, [16][24], shared_b);
  const int lane = static_cast<int>(threadIdx.x);
  for (int i = lane; i < 256; i += 32) shared_a[i / 16][i % 16] = a[i];
  for (int i = lane; i < 256; i += 32) shared_b[i / 16][i % 16] = b[i];
  __syncwarp();
  uint32_t fragment_a[4], fragment_b[4];
  const int half = planted ? lane % 2 : lane / 16;
  gpu::load_matrices(fragment_a, gpu::shared_address(&shared_a[lane % 16][half * 8]));
  gpu::load_matrices_transposed(fragment_b, gpu::shared_address(&shared_b[lane % 16][lane / 16 * 8]));
  const uint32_t left_half[2] = {fragment_b[0], fragment_b[1]};
  float c[4] = {};
  gpu::multiply_matrices(c, fragment_a, left_half);
  for (int i = 0; i < 4; i++) y[(lane / 4 + 8 * (i / 2)) * 8 + lane % 4 * 2 + i % 2] = c[i];
}

// A lane's own row, loaded by the warp without ordering.
__global__ void own_row(uint32_t *y, bool planted) {
  SHARED(bf16, [32][8], x);
  const int lane = static_cast<int>(threadIdx.x);
  for (int i = 0; i < 8; i++) x[lane][i] = bf16{static_cast<uint16_t>(lane * 8 + i)};
  UNLESS(planted) __syncwarp();
  uint32_t rows[4];
  gpu::load_matrices(rows, gpu::shared_address(&x[lane][0]));
  for (int i = 0; i < 4; i++) y[lane * 4 + i] = rows[i];
}

}  // namespace

void run_shared_race(float *y, bool planted) { GPU_LAUNCH(shared_race, 1, 64, 0, y, planted); }
void run_warp_race(float *y, bool planted) { GPU_LAUNCH(warp_race, 1, 32, 0, y, planted); }
void run_non_atomic_sum(float *y, bool planted) { GPU_LAUNCH(non_atomic_sum, 4, 32, 0, y, planted); }
void run_dropped_barrier(const float *x, float *y, bool planted) { GPU_LAUNCH(dropped_barrier, 1, 64, 0, x, y, planted); }
void run_divergent_barrier(float *y, bool planted) { GPU_LAUNCH(divergent_barrier, 1, 64, 0, y, planted); }
void run_early_exit(float *y, bool planted) { GPU_LAUNCH(early_exit, 1, 64, 0, y, planted); }
void run_divergent_shuffle(float *y, bool planted) { GPU_LAUNCH(divergent_shuffle, 1, 32, 0, y, planted); }
void run_deadlock(float *y, bool planted) { GPU_LAUNCH(deadlock, 1, 64, 0, y, planted); }
void run_copy(const float *x, float *y, int count) { GPU_LAUNCH(copy_element, 1, 64, 0, x, y, count); }
void run_shared_out_of_bounds(float *y, bool planted) { GPU_LAUNCH(shared_out_of_bounds, 1, 32, 0, y, planted); }
void run_shared_unasked(float *y, bool planted) {
  const size_t dynamic = planted ? 32 << 10 : 8 << 10;
  GPU_LAUNCH(shared_unasked, 1, 32, dynamic, y);
}
void run_misaligned(const float *x, float *y, bool planted) { GPU_LAUNCH(misaligned, 1, 32, 0, x, y, planted); }
void run_unfinished_copy(const float *x, float *y, bool planted) { GPU_LAUNCH(unfinished_copy, 1, 32, 0, x, y, planted); }
void run_product(const uint16_t *a, const uint16_t *b, float *y, bool planted) {
  GPU_LAUNCH(product, 1, 32, 0, reinterpret_cast<const bf16 *>(a), reinterpret_cast<const bf16 *>(b), y, planted);
}
void run_own_row(uint32_t *y, bool planted) { GPU_LAUNCH(own_row, 1, 32, 0, y, planted); }

}  // namespace distill::faults
