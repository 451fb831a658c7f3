// Asynchronous copies, matrix loads and matrix products of sm_80 as functions. PTX defines the fragment layouts as follows (g = lane / 4,
// t = lane % 4):
//   A 16x16  a[r], half h: row g + 8 (r & 1), column 2t + h + 8 (r >> 1)
//   B 16x8   b[r], half h: row 2t + h + 8r, column g
//   C 16x8   c[i]:         row g + 8 (i >> 1), column 2t + (i & 1)
#pragma once

#include "cuda/gpu.cuh"
#include "floats.h"

namespace distill::gpu {

// Whether activations of that storage are multiplied on tensor cores: bf16 on sm_80 or later, with code compiled for it. In code for older
// architectures, which newer devices run if there is nothing else, all functions below except pack_bf16 are empty.
bool on_tensor_cores(Storage storage);

// Packs two numbers as bf16, rounded to nearest, ties to even, with `low` in the lower half.
__device__ inline uint32_t pack_bf16(float low, float high) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  uint32_t packed;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(packed) : "f"(high), "f"(low));
  return packed;
#else
  const auto rounded = [](float value) -> uint32_t {
    const unsigned bits = __float_as_uint(value);
    return (bits & 0x7fffffff) > 0x7f800000 ? 0x7fff : (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
  };
  return rounded(low) | rounded(high) << 16;
#endif
}

// ---- Shared memory addresses

__device__ inline uint32_t shared_address(const void *memory GPU_SITE) {
#if defined(DISTILL_EMULATOR)
  return ::emulator::shared_address(memory, site);
#else
  return static_cast<uint32_t>(__cvta_generic_to_shared(memory));
#endif
}

// ---- Asynchronous copies of 16 bytes from global to shared memory. The first `bytes` (0 ... 16) are copied, the rest is zero. With 0 the
// source is not read, but must still be a global address.

__device__ inline void copy_async(uint32_t to, const void *from, int bytes GPU_SITE) {
#if defined(DISTILL_EMULATOR)
  ::emulator::copy_async(to, from, 16, bytes, site);
#elif defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;\n" ::"r"(to), "l"(from), "r"(bytes) : "memory");
#endif
}
// Ends a group of copies.
__device__ inline void copy_async_commit() {
#if defined(DISTILL_EMULATOR)
  ::emulator::copy_async_commit();
#elif defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  asm volatile("cp.async.commit_group;\n" ::: "memory");
#endif
}
// Waits until at most `keep` of this thread's groups are pending.
template <int keep>
__device__ inline void copy_async_wait() {
#if defined(DISTILL_EMULATOR)
  ::emulator::copy_async_wait(keep);
#elif defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  asm volatile("cp.async.wait_group %0;\n" ::"n"(keep) : "memory");
#endif
}

// ---- Matrices of 8x8 bf16: lane 8q + i gives the address of row i of matrix q

__device__ inline void load_matrices(uint32_t (&to)[4], uint32_t row GPU_SITE) {
#if defined(DISTILL_EMULATOR)
  ::emulator::load_matrices(to, row, false, site);
#elif defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 750
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];\n"
               : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
               : "r"(row)
               : "memory");
#endif
}
__device__ inline void load_matrices_transposed(uint32_t (&to)[4], uint32_t row GPU_SITE) {
#if defined(DISTILL_EMULATOR)
  ::emulator::load_matrices(to, row, true, site);
#elif defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 750
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];\n"
               : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
               : "r"(row)
               : "memory");
#endif
}

// c += a b
__device__ inline void multiply_matrices(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2] GPU_SITE) {
#if defined(DISTILL_EMULATOR)
  ::emulator::multiply_matrices(c, a, b, site);
#elif defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};\n"
               : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#endif
}

// ---- Tiles in shared memory: lines of kChunks chunks of 8 bf16. The chunks of a line are permuted so that the 8 rows of a matrix, one
// chunk in each of 8 neighbouring lines, are in different banks.

constexpr int kChunk = 8;

// The position of a chunk, in bf16 numbers.
template <int kChunks>
__device__ inline int place_in_tile(int line, int chunk) {
  static_assert(kChunks == 4 || kChunks % 8 == 0);
  return (line * kChunks + (kChunks == 4 ? chunk ^ (line >> 1 & 3) : chunk ^ (line & 7))) * kChunk;
}

// A fragment of A, or of B for two products side by side (16 columns: of[0], of[1] and of[2], of[3]). Line and chunk are where the fragment
// begins. along_k: lines are A's rows or B's columns, and k runs along a line; otherwise each line is one k.
template <int kChunks, bool along_k, bool is_a>
__device__ inline void load_fragment(uint32_t (&of)[4], const bf16 *tile, int line, int chunk) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  // The second of the four matrices is in the next 8 lines, or in the next chunk.
  constexpr bool next_line = along_k == is_a;
  line += next_line ? lane % 16 : lane % 8 + lane / 16 * 8;
  chunk += next_line ? lane / 16 : lane / 8 % 2;
  const uint32_t row = shared_address(tile + place_in_tile<kChunks>(line, chunk));
  if constexpr (along_k)
    load_matrices(of, row);
  else
    load_matrices_transposed(of, row);
}

// left, right += a times the two halves of b
__device__ inline void multiply_pair(float (&left)[4], float (&right)[4], const uint32_t (&a)[4], const uint32_t (&b)[4]) {
  multiply_matrices(left, a, {b[0], b[1]});
  multiply_matrices(right, a, {b[2], b[3]});
}

}  // namespace distill::gpu
