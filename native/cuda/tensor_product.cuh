// c(m, n) = sum over k of a(m, k) b(n, k) on tensor cores, with bf16 factors and fp32 sums. A source defines a and b in chunks, 8
// neighbours in memory that are copied at once. A chunk is part of a line: a row of the product, cut along k, or one k, cut along the rows.
//
//   struct Source {
//     static constexpr bool kAlongK;        // whether lines are rows, cut along k
//     uint32_t lines, places;               // beyond them, everything is zero
//     const bf16 *data;
//     struct Line; struct Place;            // computed once per line, and once per place on a line
//     __device__ Line line(uint32_t i) const;
//     __device__ Place place(uint32_t i) const;  // a multiple of 8
//     __device__ const bf16 *at(const Line &, const Place &) const;  // 16-byte aligned; null: zeros
//   };
//
// Each block computes a tile of c. Slices of BK values of k pass through kStages buffers in shared memory, filled by asynchronous copies
// two slices ahead. Long sums are split into parts, as in product.cuh.
#pragma once

#include <array>

#include "cuda/eight.cuh"
#include "cuda/elementwise.cuh"
#include "cuda/product.cuh"

namespace distill::gpu {

// BM x BN values for kWarpsM x kWarpsN warps, each with 16 kM rows and 32 columns.
template <int BM_, int BN_, int kWarpsM_>
struct TensorTile {
  static constexpr int BM = BM_, BN = BN_, BK = 32, kStages = 3, kWarpsM = kWarpsM_, kWarpsN = BN / 32;
  static constexpr int kThreads = 32 * kWarpsM * kWarpsN, kM = BM / kWarpsM / 16;
  static constexpr int kStage = (BM + BN) * BK;
  static constexpr size_t kSharedBytes = kStages * kStage * sizeof(bf16);
};
using LargeTensorTile = TensorTile<128, 128, 2>;
using SmallTensorTile = TensorTile<64, 64, 2>;

// A thread's share of the copies for a slice.
template <class Source, int kRows, int BK, int kThreads>
class SliceCopy {
 public:
  static constexpr bool kAlongK = Source::kAlongK;
  static constexpr int kChunks = (kAlongK ? BK : kRows) / kChunk;

  __device__ SliceCopy(const Source &source, uint32_t first_row, int thread)
      : source_(source), line_(thread / kChunks), chunk_(thread % kChunks), kept_(source, first_row, line_, chunk_) {}

  // The slice that starts at k, without anything at end_k or beyond.
  __device__ void start(bf16 *tile, uint32_t k, uint32_t end_k) const {
    const uint32_t at = k + static_cast<uint32_t>(chunk_ * kChunk);
    if constexpr (kAlongK) {
      const bool inside = at < min(end_k, source_.places);
      const typename Source::Place place = source_.place(inside ? at : 0);
      GPU_UNROLL
      for (int i = 0; i < kCopies; i++) copy(tile, i, inside && kept_.inside[i] ? source_.at(kept_.lines[i], place) : nullptr);
    } else {
      GPU_UNROLL
      for (int i = 0; i < kCopies; i++) {
        const uint32_t line = k + static_cast<uint32_t>(line_ + i * kStep);
        const bool inside = kept_.inside && line < min(end_k, source_.lines);
        copy(tile, i, inside ? source_.at(source_.line(line), kept_.place) : nullptr);
      }
    }
  }

 private:
  static constexpr int kLines = kAlongK ? kRows : BK, kStep = kThreads / kChunks, kCopies = kLines / kStep;

  // The same for all slices.
  struct Lines {
    typename Source::Line lines[kCopies];
    bool inside[kCopies];
    __device__ Lines(const Source &source, uint32_t first_row, int line, int) {
      GPU_UNROLL
      for (int i = 0; i < kCopies; i++) {
        const uint32_t row = first_row + static_cast<uint32_t>(line + i * kStep);
        inside[i] = row < source.lines;
        lines[i] = source.line(inside[i] ? row : 0);
      }
    }
  };
  struct Place {
    bool inside;
    typename Source::Place place;
    __device__ Place(const Source &source, uint32_t first_row, int, int chunk) {
      const uint32_t row = first_row + static_cast<uint32_t>(chunk * kChunk);
      inside = row < source.places;
      place = source.place(inside ? row : 0);
    }
  };

  __device__ void copy(bf16 *tile, int i, const bf16 *from) const {
    const uint32_t to = shared_address(tile + place_in_tile<kChunks>(line_ + i * kStep, chunk_));
    copy_async(to, from ? from : source_.data, from ? 16 : 0);
  }

  const Source &source_;
  int line_, chunk_;
  std::conditional_t<kAlongK, Lines, Place> kept_;
};

// The warp's part of c += the slice
template <class T, class CopyA, class CopyB>
__device__ inline void multiply_slice(const bf16 *tile_a, const bf16 *tile_b, int warp_m, int warp_n, float (&c)[T::kM][4][4]) {
  GPU_UNROLL
  for (int k = 0; k < T::BK; k += 16) {
    uint32_t a[T::kM][4], b[2][4];
    GPU_UNROLL
    for (int m = 0; m < T::kM; m++) {
      const int row = (warp_m * T::kM + m) * 16;
      load_fragment<CopyA::kChunks, CopyA::kAlongK, true>(a[m], tile_a, CopyA::kAlongK ? row : k, (CopyA::kAlongK ? k : row) / kChunk);
    }
    GPU_UNROLL
    for (int n = 0; n < 2; n++) {
      const int row = warp_n * 32 + n * 16;
      load_fragment<CopyB::kChunks, CopyB::kAlongK, false>(b[n], tile_b, CopyB::kAlongK ? row : k, (CopyB::kAlongK ? k : row) / kChunk);
    }
    GPU_UNROLL
    for (int m = 0; m < T::kM; m++) {
      GPU_UNROLL
      for (int n = 0; n < 2; n++) multiply_pair(c[m][2 * n], c[m][2 * n + 1], a[m], b[n]);
    }
  }
}

// Passes 16 rows and 32 columns of c, starting at (m0, n0), to finish, 8 neighbours at a time. They go through the warp's own shared
// memory, because a lane holds only two neighbours.
template <class Finish>
__device__ inline void finish_rows(float *slab, const float (&c)[4][4], const ProductShape &shape, uint32_t m0, uint32_t n0,
                                   const Finish &finish) {
  constexpr int kPitch = 40;
  const int lane = static_cast<int>(threadIdx.x) % 32;
  // Wait before the last rows are overwritten.
  __syncwarp();
  GPU_UNROLL
  for (int n = 0; n < 4; n++) {
    GPU_UNROLL
    for (int i = 0; i < 4; i++) slab[(lane / 4 + i / 2 * 8) * kPitch + n * 8 + lane % 4 * 2 + i % 2] = c[n][i];
  }
  __syncwarp();
  GPU_UNROLL
  for (int i = 0; i < 2; i++) {
    const int row = lane / 4 + i * 8, column = lane % 4 * 8;
    const uint32_t m = m0 + static_cast<uint32_t>(row), n = n0 + static_cast<uint32_t>(column);
    if (m >= shape.M || n >= shape.N) continue;
    const float *from = slab + row * kPitch + column;
    const float4 low = load4(from), high = load4(from + 4);
    finish(blockIdx.y, m, n, Eight{{low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w}}, static_cast<int>(min(shape.N - n, 8u)));
  }
}
constexpr int kSlab = 16 * 40;

template <class T, class A, class B, class Finish>
__global__ void __launch_bounds__(T::kThreads, 512 / T::kThreads) tensor_tile(ProductShape shape, A a, B b, Finish finish) {
  static_assert(T::kThreads / 32 * kSlab * sizeof(float) <= T::kSharedBytes);
  using CopyA = SliceCopy<A, T::BM, T::BK, T::kThreads>;
  using CopyB = SliceCopy<B, T::BN, T::BK, T::kThreads>;
  DYNAMIC_SHARED(memory);
  bf16 *tiles = reinterpret_cast<bf16 *>(memory);
  const int thread = static_cast<int>(threadIdx.x), warp = thread / 32, warp_m = warp / T::kWarpsN, warp_n = warp % T::kWarpsN;
  const uint32_t tiles_n = (shape.N + T::BN - 1) / T::BN;
  const uint32_t m0 = blockIdx.x / tiles_n * T::BM, n0 = blockIdx.x % tiles_n * T::BN;
  const uint32_t first_k = blockIdx.y * shape.per_part, end_k = min(shape.K, first_k + shape.per_part);
  const int slices = static_cast<int>((end_k - first_k + T::BK - 1) / T::BK);
  const CopyA copy_a(a, m0, thread);
  const CopyB copy_b(b, n0, thread);

  // One group of copies per slice, even if no slice is left, because waiting counts groups.
  const auto start = [&](int slice) {
    if (slice < slices) {
      bf16 *stage = tiles + slice % T::kStages * T::kStage;
      const uint32_t k = first_k + static_cast<uint32_t>(slice * T::BK);
      copy_a.start(stage, k, end_k);
      copy_b.start(stage + T::BM * T::BK, k, end_k);
    }
    copy_async_commit();
  };
  float c[T::kM][4][4] = {};
  for (int slice = 0; slice < T::kStages - 1; slice++) start(slice);
  for (int slice = 0; slice < slices; slice++) {
    copy_async_wait<T::kStages - 2>();
    // All copies for this slice have arrived, and nobody still reads the previous slice, whose buffer is filled next.
    __syncthreads();
    start(slice + T::kStages - 1);
    const bf16 *stage = tiles + slice % T::kStages * T::kStage;
    multiply_slice<T, CopyA, CopyB>(stage, stage + T::BM * T::BK, warp_m, warp_n, c);
  }
  __syncthreads();

  float *slab = reinterpret_cast<float *>(memory) + warp * kSlab;
  GPU_UNROLL
  for (int m = 0; m < T::kM; m++)
    finish_rows(slab, c[m], shape, m0 + static_cast<uint32_t>((warp_m * T::kM + m) * 16), n0 + static_cast<uint32_t>(warp_n * 32), finish);
}

template <class T, class A, class B, class Finish>
void launch_tensor_product(const ProductShape &shape, const A &a, const B &b, const Finish &finish) {
  const dim3 grid(blocks_for(shape.M, T::BM) * blocks_for(shape.N, T::BN), blocks_for(shape.K, shape.per_part));
  GPU_LAUNCH((tensor_tile<T, A, B, Finish>), grid, T::kThreads, T::kSharedBytes, shape, a, b, finish);
}

inline int64_t parts_of(const ProductShape &shape) { return blocks_for(shape.K, shape.per_part); }

// Large tiles if they fill the whole GPU and less than an eighth of their area is beyond M and N. Both sizes give the same bits, because
// they go through k in the same order.
inline bool takes_large_tiles(const ProductShape &shape) {
  using T = LargeTensorTile;
  const int64_t tiles = int64_t{blocks_for(shape.M, T::BM)} * blocks_for(shape.N, T::BN);
  return tiles * parts_of(shape) >= device_attribute(cudaDevAttrMultiProcessorCount) &&
         tiles * T::BM * T::BN * 8 <= int64_t{shape.M} * shape.N * 9;
}

template <class A, class B, class Finish>
void tensor_product(const ProductShape &shape, const A &a, const B &b, const Finish &finish) {
  if (takes_large_tiles(shape))
    launch_tensor_product<LargeTensorTile>(shape, a, b, finish);
  else
    launch_tensor_product<SmallTensorTile>(shape, a, b, finish);
}

// Queues finish(0, m, n, c(m, n) ... c(m, n + count - 1), count) for all m < M and every eighth n < N; count is 8, or less at the end of a
// row.
template <class A, class B, class Finish>
void tensor_product(int64_t M, int64_t N, int64_t K, const A &a, const B &b, const Finish &finish) {
  const auto k = static_cast<uint32_t>(K);
  tensor_product(ProductShape{static_cast<uint32_t>(M), static_cast<uint32_t>(N), k, k}, a, b, finish);
}

// A sum over K, split into parts: enough blocks for a GPU, and at least 512 values of k in each.
inline ProductShape tensor_parts(int64_t M, int64_t N, int64_t K) {
  using T = SmallTensorTile;
  constexpr int64_t kBlocks = 512, kLeast = 512;
  const int64_t tiles = int64_t{blocks_for(M, T::BM)} * blocks_for(N, T::BN), parts = tiles >= kBlocks ? 1 : kBlocks / tiles;
  const int64_t per_part = (K + parts - 1) / parts, enough = per_part < kLeast ? kLeast : (per_part + T::BK - 1) / T::BK * T::BK;
  return {static_cast<uint32_t>(M), static_cast<uint32_t>(N), static_cast<uint32_t>(K), static_cast<uint32_t>(enough)};
}

// Writes parts [part][M][N], whose sum in order is c.
template <class A, class B>
void tensor_product_in_parts(const ProductShape &shape, const A &a, const B &b, float *parts) {
  const auto store = [=] __device__(unsigned part, uint32_t m, uint32_t n, const Eight &values, int count) {
    store8({parts}, (int64_t{part} * shape.M + m) * shape.N + n, values, count);
  };
  tensor_product(shape, a, b, store);
}

// ---- Factors: bf16 matrices whose rows begin at multiples of 16 bytes

constexpr int64_t whole_chunks(int64_t columns) { return (columns + kChunk - 1) / kChunk * kChunk; }

// y [rows, whole_chunks(columns)] from x [rows, columns], with zeros beyond the columns
inline void round_rows(Floats x, int64_t rows, int64_t columns, bf16 *y) {
  const int64_t pitch = whole_chunks(columns);
  cuda::for_each_eight(rows, columns, [=] __device__(int64_t row, int64_t column, int count) {
    store8({y, Storage::bf16}, row * pitch + column, load8(x, row * columns + column, count));
  });
}

// A matrix [rows, columns] in memory, and the bytes that a copy in the form of a factor needs; 0 if it already is one.
struct Factor {
  Floats x;
  int64_t rows, columns, copy_bytes;

  Factor(Floats x, int64_t rows, int64_t columns) : x(x), rows(rows), columns(columns), copy_bytes(rows * pitch() * 2) {
    if (x.storage == Storage::bf16 && columns == pitch() && reinterpret_cast<uintptr_t>(x.data) % 16 == 0) copy_bytes = 0;
  }
  int64_t pitch() const { return whole_chunks(columns); }

  // The factor, [rows, pitch()] with zeros beyond the columns. If a copy is needed, it is queued to `memory`.
  const bf16 *in(void *memory) const {
    if (!copy_bytes) return x.as_bf16();
    round_rows(x, rows, columns, static_cast<bf16 *>(memory));
    return static_cast<const bf16 *>(memory);
  }
};

// The workspace in pieces of the given sizes in bytes.
template <size_t count>
std::array<void *, count> workspaces(const std::array<int64_t, count> &bytes) {
  const auto aligned_bytes = [](int64_t size) { return (size + 255) / 256 * 256; };
  int64_t total = 0;
  for (const int64_t size : bytes) total += aligned_bytes(size);
  auto *memory = static_cast<unsigned char *>(workspace(total));
  std::array<void *, count> pieces;
  for (size_t i = 0; i < count; i++) {
    pieces[i] = memory;
    memory += aligned_bytes(bytes[i]);
  }
  return pieces;
}

// data [rows, K] along k, or [K, rows]; lines consist of whole chunks
template <bool along_k>
struct MatrixChunks {
  static constexpr bool kAlongK = along_k;
  const bf16 *data;
  uint32_t lines, places;
  using Line = const bf16 *;
  using Place = uint32_t;

  MatrixChunks(const bf16 *data, int64_t lines, int64_t columns)
      : data(data), lines(static_cast<uint32_t>(lines)), places(static_cast<uint32_t>(whole_chunks(columns))) {}
  __device__ Line line(uint32_t i) const { return data + int64_t{i} * places; }
  __device__ Place place(uint32_t i) const { return i; }
  __device__ const bf16 *at(Line line, Place place) const { return line + place; }
};

}  // namespace distill::gpu
