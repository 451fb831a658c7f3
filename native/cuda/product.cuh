// c(m, n) = sum over k of a(m, k) b(n, k) in fp32, for linear layers and convolutions. A source defines a and b:
//
//   struct Source {
//     static constexpr bool kAlongK;              // memory is contiguous along k, or along the rows
//     struct Row; struct Column;                  // computed once per row, and once per k
//     __device__ Row row(uint32_t row) const;     // row < rows
//     __device__ Column column(uint32_t k) const; // k < K
//     __device__ float at(const Row &, const Column &) const;
//   };
//
// Each block computes a tile of c, BK values of k at a time; the next slice is loaded into registers while this one is multiplied. Long
// sums are split into parts (split k). Each part's c is stored separately and added in order, so that the bits do not depend on the GPU.
#pragma once

#include "cuda/gpu.cuh"
#include "cuda/workspace.h"

namespace distill::gpu {

// BM x BN values for 256 threads, each with TM x TN of them in strides of 16, so that shared memory is read without bank conflicts.
template <int TM_, int TN_>
struct Tile {
  static constexpr int kThreads = 256, TM = TM_, TN = TN_, BM = 16 * TM, BN = 16 * TN, BK = 16;
};

// A thread's share of a slice [rows of the tile, BK]: values at k = slice + first_k + i step_k, and rows likewise.
template <class Source, int kRows, int BK>
class Fetch {
 public:
  __device__ Fetch(const Source &source, uint32_t first_row, uint32_t rows, int thread) : source_(source) {
    row_ = Source::kAlongK ? thread / BK : thread % kRows;
    k_ = Source::kAlongK ? thread % BK : thread / kRows;
    GPU_UNROLL
    for (int i = 0; i < kRowsHeld; i++) {
      const uint32_t row = first_row + static_cast<uint32_t>(row_ + i * kRowStep);
      valid_[i] = row < rows;
      held_[i] = source.row(valid_[i] ? row : 0);
    }
  }

  __device__ void load(uint32_t slice, uint32_t end_k) {
    GPU_UNROLL
    for (int i = 0; i < kColumns; i++) {
      const uint32_t k = slice + static_cast<uint32_t>(k_ + i * kColumnStep);
      const bool inside = k < end_k;
      const typename Source::Column column = source_.column(inside ? k : 0);
      GPU_UNROLL
      for (int j = 0; j < kRowsHeld; j++) values_[i * kRowsHeld + j] = inside && valid_[j] ? source_.at(held_[j], column) : 0.0f;
    }
  }

  // shared [BK][pitch], transposed: the inner loop reads rows side by side
  __device__ void store(float *shared, int pitch) const {
    GPU_UNROLL
    for (int i = 0; i < kColumns; i++) {
      GPU_UNROLL
      for (int j = 0; j < kRowsHeld; j++) shared[(k_ + i * kColumnStep) * pitch + row_ + j * kRowStep] = values_[i * kRowsHeld + j];
    }
  }

 private:
  static constexpr int kThreads = 256, kRowStep = Source::kAlongK ? kThreads / BK : kRows, kRowsHeld = kRows / kRowStep;
  static constexpr int kColumnStep = Source::kAlongK ? BK : kThreads / kRows, kColumns = BK / kColumnStep;

  const Source &source_;
  int row_, k_;
  typename Source::Row held_[kRowsHeld];
  bool valid_[kRowsHeld];
  float values_[kRowsHeld * kColumns];
};

struct ProductShape {
  uint32_t M, N, K;
  uint32_t per_part;  // values of k in each part but the last
};

template <class T, class A, class B, class Finish>
__global__ void __launch_bounds__(T::kThreads) product_tile(ProductShape shape, A a, B b, Finish finish) {
  constexpr int kPitchA = T::BM + 1, kPitchB = T::BN + 1;
  SHARED(float, [2][T::BK * kPitchA], slice_a);
  SHARED(float, [2][T::BK * kPitchB], slice_b);
  const int thread = static_cast<int>(threadIdx.x), ty = thread / 16, tx = thread % 16;
  const uint32_t tiles_n = (shape.N + T::BN - 1) / T::BN;
  const uint32_t m0 = blockIdx.x / tiles_n * T::BM, n0 = blockIdx.x % tiles_n * T::BN;
  const uint32_t first_k = blockIdx.y * shape.per_part, end_k = min(shape.K, first_k + shape.per_part);
  Fetch<A, T::BM, T::BK> fetch_a(a, m0, shape.M, thread);
  Fetch<B, T::BN, T::BK> fetch_b(b, n0, shape.N, thread);

  float c[T::TM][T::TN] = {};
  fetch_a.load(first_k, end_k);
  fetch_b.load(first_k, end_k);
  int buffer = 0;
  for (uint32_t k = first_k; k < end_k; k += T::BK, buffer ^= 1) {
    fetch_a.store(slice_a[buffer], kPitchA);
    fetch_b.store(slice_b[buffer], kPitchB);
    // One barrier per slice is enough for two buffers: a thread overwrites this buffer only after the next barrier, which no thread passes
    // before all have read it.
    __syncthreads();
    if (k + T::BK < end_k) {
      fetch_a.load(k + T::BK, end_k);
      fetch_b.load(k + T::BK, end_k);
    }
    GPU_UNROLL
    for (int i = 0; i < T::BK; i++) {
      float row[T::TM], column[T::TN];
      GPU_UNROLL
      for (int m = 0; m < T::TM; m++) row[m] = slice_a[buffer][i * kPitchA + ty + 16 * m];
      GPU_UNROLL
      for (int n = 0; n < T::TN; n++) column[n] = slice_b[buffer][i * kPitchB + tx + 16 * n];
      GPU_UNROLL
      for (int m = 0; m < T::TM; m++) {
        GPU_UNROLL
        for (int n = 0; n < T::TN; n++) c[m][n] += row[m] * column[n];
      }
    }
  }

  GPU_UNROLL
  for (int m = 0; m < T::TM; m++) {
    GPU_UNROLL
    for (int n = 0; n < T::TN; n++) {
      const uint32_t at_m = m0 + static_cast<uint32_t>(ty + 16 * m), at_n = n0 + static_cast<uint32_t>(tx + 16 * n);
      if (at_m < shape.M && at_n < shape.N) finish(blockIdx.y, at_m, at_n, c[m][n]);
    }
  }
}

template <class T, class A, class B, class Finish>
void launch_product(const ProductShape &shape, const A &a, const B &b, const Finish &finish) {
  // Tiles along x, the longest axis of a grid: 512 images of 224 px have more than 65535 tiles.
  const dim3 grid(blocks_for(shape.M, T::BM) * blocks_for(shape.N, T::BN), blocks_for(shape.K, shape.per_part));
  GPU_LAUNCH((product_tile<T, A, B, Finish>), grid, T::kThreads, 0, shape, a, b, finish);
}

// Large tiles if there are enough of them to fill a GPU, otherwise small ones.
constexpr uint32_t kLargeM = 1024, kLargeN = 128;

// Queues finish(0, m, n, c(m, n)) for all m < M, n < N.
template <class A, class B, class Finish>
void product(int64_t M, int64_t N, int64_t K, const A &a, const B &b, const Finish &finish) {
  const ProductShape shape{static_cast<uint32_t>(M), static_cast<uint32_t>(N), static_cast<uint32_t>(K), static_cast<uint32_t>(K)};
  if (shape.M >= kLargeM && shape.N >= kLargeN)
    launch_product<Tile<8, 8>>(shape, a, b, finish);
  else
    launch_product<Tile<4, 4>>(shape, a, b, finish);
}

// How a long sum is split into parts: enough blocks for a GPU, and at least 256 values of k in each.
inline uint32_t values_per_part(int64_t M, int64_t N, int64_t K) {
  constexpr int64_t kBlocks = 512, kLeast = 256, kSlice = 16;
  const int64_t tiles = int64_t{blocks_for(M, 64)} * blocks_for(N, 64);
  const int64_t parts = tiles >= kBlocks ? 1 : kBlocks / tiles;
  int64_t per_part = (K + parts - 1) / parts;
  if (per_part < kLeast) per_part = kLeast;
  return static_cast<uint32_t>((per_part + kSlice - 1) / kSlice * kSlice);
}

// The same for long sums: writes parts [part][M][N] to the workspace and returns their number. Sum them in order.
template <class A, class B>
int64_t product_in_parts(int64_t M, int64_t N, int64_t K, const A &a, const B &b, float *&parts) {
  const ProductShape shape{static_cast<uint32_t>(M), static_cast<uint32_t>(N), static_cast<uint32_t>(K), values_per_part(M, N, K)};
  const int64_t count = blocks_for(K, shape.per_part);
  parts = workspace_of<float>(count * M * N);
  const auto store = [=, parts = parts] __device__(unsigned part, uint32_t m, uint32_t n, float value) {
    parts[(int64_t{part} * M + m) * N + n] = value;
  };
  launch_product<Tile<4, 4>>(shape, a, b, store);
  return count;
}

// ---- Sources

// x [rows, K] or, with kAlongK false, x [K, rows]
template <bool along_k>
struct Matrix {
  static constexpr bool kAlongK = along_k;
  Floats x;
  int64_t pitch;
  using Row = Floats;
  using Column = int64_t;
  __device__ Row row(uint32_t row) const { return kAlongK ? x + row * pitch : x + row; }
  __device__ Column column(uint32_t k) const { return kAlongK ? k : k * pitch; }
  __device__ float at(Row row, Column column) const { return row[column]; }
};

}  // namespace distill::gpu
