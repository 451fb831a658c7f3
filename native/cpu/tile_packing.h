// How matrices are laid out for tiles (tiles.h): bf16 numbers, padded with zeros to whole tiles.
#pragma once

#include "cpu/gemm.h"
#include "cpu/tiles.h"

namespace distill {
namespace {

// ---- 32 numbers of bf16: a row of a tile, a line of memory

using Bf16x32 [[gnu::vector_size(64)]] = uint16_t;

// Rounds two vectors to 32 numbers, in order. On some processors this takes as long as rounding one.
inline Bf16x32 narrow(Vec16 low, Vec16 high) {
#if defined(__AVX512BF16__)
  return as<Bf16x32>(_mm512_cvtne2ps_pbh(as<__m512>(high), as<__m512>(low)));
#else
  Bf16x32 numbers;
  const auto first = narrow(low), second = narrow(high);
  __builtin_memcpy(&numbers, &first, sizeof(first));
  __builtin_memcpy(reinterpret_cast<char *>(&numbers) + sizeof(first), &second, sizeof(second));
  return numbers;
#endif
}

inline Bf16x32 load_line(const bf16 *from) {
  Bf16x32 numbers;
  __builtin_memcpy(&numbers, from, sizeof(numbers));
  return numbers;
}
inline void store_line(bf16 *to, Bf16x32 numbers) { __builtin_memcpy(to, &numbers, sizeof(numbers)); }

// Stores a line past the caches, for numbers that are not read again soon. `to` must be a multiple of 64.
inline void stream_line(bf16 *to, Bf16x32 numbers) {
#if defined(__AVX512F__)
  _mm512_stream_si512(reinterpret_cast<__m512i *>(to), as<__m512i>(numbers));
#else
  store_line(to, numbers);
#endif
}

// The first `count` numbers, at most 32, as a line; the others are zero.
inline Bf16x32 load_first_of_line(const bf16 *from, int64_t count) {
#if defined(__AVX512F__)
  return as<Bf16x32>(_mm512_maskz_loadu_epi16(static_cast<__mmask32>((uint64_t{1} << count) - 1), from));
#else
  Bf16x32 numbers{};
  __builtin_memcpy(&numbers, from, static_cast<size_t>(count) * sizeof(bf16));
  return numbers;
#endif
}
inline Bf16x32 load_some_of_line(const bf16 *from, int64_t count) {
  return count == 32 ? load_line(from) : load_first_of_line(from, count);
}
template <class From>  // const float * or Floats
inline Bf16x32 load_some_of_line(From from, int64_t count) {
  const int64_t low = least(count, 16);
  return narrow(load_some<Vec16>(from, low), count > low ? load_some<Vec16>(from + low, count - low) : Vec16{});
}
inline Bf16x32 load_numbers(Floats from, int64_t count) {
  return from.storage == Storage::bf16 ? load_some_of_line(from.as_bf16(), count) : load_some_of_line(from.f32(), count);
}

// The numbers of two rows as 32 pairs, one of each column, in two vectors of 16 lanes. Columns come in the order of `paired_column`, which
// is what the instruction does: it works on each quarter of a vector by itself.
struct PairedRows {
  Vec16 low, high;
};
inline PairedRows pair_rows(Bf16x32 first, Bf16x32 second) {
#if defined(__AVX512F__)
  constexpr __mmask32 kAll = 0xffffffff;
  return {as<Vec16>(_mm512_maskz_unpacklo_epi16(kAll, as<__m512i>(first), as<__m512i>(second))),
          as<Vec16>(_mm512_maskz_unpackhi_epi16(kAll, as<__m512i>(first), as<__m512i>(second)))};
#else
  return {as<Vec16>(__builtin_shufflevector(first, second, 0, 32, 1, 33, 2, 34, 3, 35, 8, 40, 9, 41, 10, 42, 11, 43, 16, 48, 17, 49, 18, 50,
                                            19, 51, 24, 56, 25, 57, 26, 58, 27, 59)),
          as<Vec16>(__builtin_shufflevector(first, second, 4, 36, 5, 37, 6, 38, 7, 39, 12, 44, 13, 45, 14, 46, 15, 47, 20, 52, 21, 53, 22,
                                            54, 23, 55, 28, 60, 29, 61, 30, 62, 31, 63))};
#endif
}
// The column at `place` of the 32 lanes: four neighbours stay together.
constexpr int64_t paired_column(int64_t place) { return place % 16 / 4 * 8 + place / 16 * 4 + place % 4; }

// ---- Right factors

// A matrix [K,N] in panels of 32 columns, [panel][step][2][16 pairs along K][16 columns]: what TileBlock::add_product takes for a step.
// Numbers past K and N are zero.
struct TilePanels {
  static constexpr int64_t kColumns = TileBlock::kColumns, kDepth = 32;
  int64_t K, N;
  bf16 *data;

  TilePanels(int slot, int64_t K, int64_t N) : K(K), N(N), data(array_in_scratch<bf16>(slot, count() * steps() * 2 * kTileNumbers)) {}
  int64_t steps() const { return ceil_div(K, kDepth); }
  int64_t count() const { return ceil_div(N, kColumns); }
  bf16 *at(int64_t panel, int64_t step) const { return data + (panel * steps() + step) * 2 * kTileNumbers; }
};

// Fills one panel from the transposed matrix b [N,K], rows ldb apart.
template <class T>
void pack_columns(const TilePanels &panels, int64_t panel, const T *b, int64_t ldb) {
  for (int64_t half = 0; half < 2; ++half) {
    const int64_t first = panel * panels.kColumns + half * 16, columns = panels.N - first;
    for (int64_t step = 0; step < panels.steps(); ++step) {
      const int64_t k = step * panels.kDepth, deep = least(panels.kDepth, panels.K - k);
      Vec16 block[16];
#pragma GCC unroll 16
      for (int64_t i = 0; i < 16; ++i) block[i] = i < columns ? as<Vec16>(load_some_of_line(b + (first + i) * ldb + k, deep)) : Vec16{};
      transpose(block);
      bf16 *to = panels.at(panel, step) + half * kTileNumbers;
#pragma GCC unroll 16
      for (int64_t i = 0; i < 16; ++i) store_line(to + 32 * i, as<Bf16x32>(block[i]));
    }
  }
}

// Fills one step of all panels from b [K,N], rows ldb apart.
template <class T>
void pack_rows(const TilePanels &panels, int64_t step, const T *b, int64_t ldb) {
  const auto row = [&](int64_t k, int64_t column) {
    const int64_t count = panels.N - column;
    return k < panels.K && count > 0 ? load_some<Vec16>(b + k * ldb + column, least(count, 16)) : Vec16{};
  };
  for (int64_t panel = 0; panel < panels.count(); ++panel) {
    for (int64_t half = 0; half < 2; ++half) {
      const int64_t column = panel * panels.kColumns + half * 16;
      bf16 *to = panels.at(panel, step) + half * kTileNumbers;
      for (int64_t pair = 0; pair < 16; ++pair) {
        const int64_t k = step * panels.kDepth + 2 * pair;
        const Bf16x32 rows = narrow(row(k, column), row(k + 1, column));
        store_line(to + 32 * pair, __builtin_shufflevector(rows, rows, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23, 8, 24, 9, 25,
                                                           10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31));
      }
    }
  }
}

// The same from bf16 rows, whose numbers only change places.
inline void pack_rows(const TilePanels &panels, int64_t step, const bf16 *b, int64_t ldb) {
  const auto row = [&](int64_t k, int64_t column) {
    return k < panels.K ? load_some_of_line(b + k * ldb + column, least(32, panels.N - column)) : Bf16x32{};
  };
  for (int64_t panel = 0; panel < panels.count(); ++panel) {
    bf16 *to = panels.at(panel, step);
    for (int64_t pair = 0; pair < 16; ++pair) {
      const int64_t k = step * panels.kDepth + 2 * pair;
      const Bf16x32 first = row(k, panel * panels.kColumns), second = row(k + 1, panel * panels.kColumns);
      store_line(to + 32 * pair, __builtin_shufflevector(first, second, 0, 32, 1, 33, 2, 34, 3, 35, 4, 36, 5, 37, 6, 38, 7, 39, 8, 40, 9,
                                                         41, 10, 42, 11, 43, 12, 44, 13, 45, 14, 46, 15, 47));
      store_line(to + kTileNumbers + 32 * pair,
                 __builtin_shufflevector(first, second, 16, 48, 17, 49, 18, 50, 19, 51, 20, 52, 21, 53, 22, 54, 23, 55, 24, 56, 25, 57, 26,
                                         58, 27, 59, 28, 60, 29, 61, 30, 62, 31, 63));
    }
  }
}

// ---- Left factors

// Rows of a matrix [M,K], ld apart.
struct TileRows {
  Floats a;
  int64_t M, K, ld;

  int64_t depth() const { return ceil_div(K, 32) * 32; }
  // Whether tiles may be loaded in place
  bool whole() const { return a.storage == Storage::bf16 && K % 32 == 0 && ld % 32 == 0 && reinterpret_cast<uintptr_t>(a.data) % 64 == 0; }
};

// 32 of these rows, as a block reads them; `stride` in bytes.
struct TileStrip {
  const bf16 *rows;
  int64_t stride;
};

// The strip that begins at `row`: in place, or copied to `copy` [32, depth()] with zeros past M and K.
inline TileStrip strip_at(const TileRows &left, int64_t row, bf16 *copy) {
  if (left.whole() && row + 32 <= left.M) return {left.a.as_bf16() + row * left.ld, left.ld * 2};
  const int64_t depth = left.depth();
  for (int64_t i = 0; i < 32; ++i) {
    for (int64_t k = 0; k < depth; k += 32) {
      const bool exists = row + i < left.M;
      store_line(copy + i * depth + k, exists ? load_numbers(left.a + ((row + i) * left.ld + k), least(32, left.K - k)) : Bf16x32{});
    }
  }
  return {copy, depth * 2};
}

}  // namespace
}  // namespace distill
