// Matrix products by tiles. What a product reads is packed by tile_packing.h; what becomes of its sums is its caller's.
#pragma once

#include "cpu/pending_sums.h"

namespace distill {
namespace {

// Scratch of every thread that multiplies; callers use the slots before it.
enum TileScratch { kTileStrips = 8, kTileLeft, kTileRight, kTileSums };

// Rows that pass by one panel before the next: the panel stays in the first-level cache, the rows in the second.
constexpr int64_t kTileGroup = 64;

// Passes rows begin ... end - 1 of the product of `left` and the panels to finish(row, column, count, low, high), as PendingSums does.
// Needs a TileScope.
template <class Finish>
[[gnu::always_inline]] inline void multiply_rows(const TileRows &left, int64_t begin, int64_t end, const TilePanels &panels,
                                                 const Finish &finish) {
  TwoBlocks blocks;
  PendingSums<Finish> sums(blocks, panels.N, finish);
  const int64_t steps = panels.steps(), per_step = ceil_div(32, steps);
  bf16 *copies = array_in_scratch<bf16>(kTileStrips, kTileGroup * left.depth());
  for (int64_t first = begin; first < end; first += kTileGroup) {
    TileStrip strips[kTileGroup / 32];
    const int64_t last = least(end, first + kTileGroup);
    for (int64_t row = first, i = 0; row < last; row += 32, ++i) strips[i] = strip_at(left, row, copies + i * 32 * left.depth());
    for (int64_t panel = 0; panel < panels.count(); ++panel) {
      for (int64_t row = first, i = 0; row < last; row += 32, ++i) {
        const auto [rows, stride] = strips[i];
        TileBlock::zero();
        for (int64_t step = 0; step < steps; ++step) {
          const bf16 *upper = rows + step * 32;
          TileBlock::add_product(upper, upper + 8 * stride, stride, panels.at(panel, step));
          sums.finish_rows(per_step);
        }
        sums.take(row, least(32, end - row), panel * 32);
      }
    }
  }
  sums.finish();
}

// Whether rows of `columns` numbers, `size` in all, are stored past the caches: if they fill whole lines and are too many to be still in
// the second-level cache when they are read again.
inline bool streams(FloatsOut to, int64_t columns, int64_t size) {
  constexpr int64_t kFar = 1 << 19;
  return to.storage == Storage::bf16 && columns % 32 == 0 && reinterpret_cast<uintptr_t>(to.data) % 64 == 0 && size > kFar;
}

// Stores the first `count` of 32 numbers.
[[gnu::always_inline]] inline void store_numbers(FloatsOut to, int64_t count, Vec16 low, Vec16 high, bool stream) {
  if (to.storage == Storage::bf16 && count == 32) {
    const Bf16x32 line = narrow(low, high);
    if (stream)
      stream_line(to.as_bf16(), line);
    else
      store_line(to.as_bf16(), line);
  } else {
    store_some(to, low, least(count, 16));
    if (count > 16) store_some(to + 16, high, count - 16);
  }
}

// The first `count` of 32 numbers; the others are zero.
struct TwoVectors {
  Vec16 low, high;
};
[[gnu::always_inline]] inline TwoVectors load_32(Floats from, int64_t count) {
  return {load_some<Vec16>(from, least(count, 16)), count > 16 ? load_some<Vec16>(from + 16, count - 16) : Vec16{}};
}

// ---- Sums over rows: a^T b for a [M,I] and b [M,J]

// Rows of both factors that are packed at once: enough that sums, which wait in memory between two chunks, are seldom moved.
constexpr int64_t kTileRowsAtOnce = 512;

// Calls body(row) for 32 rows x 32 columns, rows ld apart, of which `rows` and `columns` exist; row(k) loads one. It is compiled once for
// blocks of bf16 that exist as a whole, without a branch, and once for all others.
template <class Body>
[[gnu::always_inline]] inline void with_rows(Floats from, int64_t ld, int64_t rows, int64_t columns, const Body &body) {
  if (from.storage == Storage::bf16 && rows >= 32 && columns >= 32) {
    const bf16 *first = from.as_bf16();
    body([=](int64_t k) __attribute__((always_inline)) { return load_line(first + k * ld); });
  } else {
    const int64_t count = least(32, columns);
    body([=](int64_t k) { return k < rows ? load_numbers(from + k * ld, count) : Bf16x32{}; });
  }
}

// Packs them as a right factor, two tiles.
inline void pack_pairs(Floats from, int64_t ld, int64_t rows, int64_t columns, bf16 *to) {
  with_rows(
      from, ld, rows, columns, [=](const auto &row) __attribute__((always_inline)) {
#pragma GCC unroll 16
        for (int64_t i = 0; i < 16; ++i) {
          const PairedRows pairs = pair_rows(row(2 * i), row(2 * i + 1));
          store_line(to + 32 * i, as<Bf16x32>(pairs.low));
          store_line(to + kTileNumbers + 32 * i, as<Bf16x32>(pairs.high));
        }
      });
}

// Packs them transposed, as 32 rows of a left factor in two tiles, and adds each column to sums [32] (or null), in the order of
// paired_column.
inline void pack_transposed(Floats from, int64_t ld, int64_t rows, int64_t columns, bf16 *to, float *sums) {
  with_rows(
      from, ld, rows, columns, [=](const auto &row) __attribute__((always_inline)) {
        Vec16 low[16], high[16];
#pragma GCC unroll 16
        for (int64_t i = 0; i < 16; ++i) {
          const PairedRows pairs = pair_rows(row(2 * i), row(2 * i + 1));
          low[i] = pairs.low;
          high[i] = pairs.high;
        }
        if (sums) {
          const Vec16 ones = broadcast<Vec16>(Pair{{0x3f80}, {0x3f80}});
          Vec16 low_sum = load<Vec16>(sums), high_sum = load<Vec16>(sums + 16);
#pragma GCC unroll 16
          for (int64_t i = 0; i < 16; ++i) {
            add_product<Pair>(low_sum, low[i], ones);
            add_product<Pair>(high_sum, high[i], ones);
          }
          store(sums, low_sum);
          store(sums + 16, high_sum);
        }
        transpose(low);
        transpose(high);
#pragma GCC unroll 16
        for (int64_t i = 0; i < 16; ++i) {
          store_line(to + 32 * i, as<Bf16x32>(low[i]));
          store_line(to + kTileNumbers + 32 * i, as<Bf16x32>(high[i]));
        }
      });
}

// Some columns of rows that are ld apart.
struct TileColumns {
  Floats a;
  int64_t count, ld;

  int64_t blocks() const { return ceil_div(count, 32); }
  Floats at(int64_t row, int64_t block) const { return a + (row * ld + block * 32); }
  int64_t columns(int64_t block) const { return count - block * 32; }
};

// Copies 32 x 32 sums, whose rows and columns are in the order of paired_column, to `to` [rows, columns], rows ld apart, at most 32 of
// each.
inline void store_in_order(const float *sums, int64_t rows, int64_t columns, float *to, int64_t ld) {
  for (int64_t i = 0; i < 32; ++i) {
    const int64_t row = paired_column(i);
    if (row >= rows) continue;
    for (int64_t j = 0; j < 32; j += 4) {
      const int64_t column = paired_column(j), count = least(4, columns - column);
      if (count == 4)
        __builtin_memcpy(to + row * ld + column, sums + i * 32 + j, 16);
      else
        for (int64_t lane = 0; lane < count; ++lane) to[row * ld + column + lane] = sums[i * 32 + j + lane];
    }
  }
}

// to [a.count, b.count], rows ld apart, = a^T b over M rows, and totals [a.count] = the column sums of a, or null. Needs a TileScope.
inline void multiply_transposed(int64_t M, const TileColumns &a, const TileColumns &b, float *to, int64_t ld, float *totals) {
  // So many columns of b are packed together that the processor sees their rows coming.
  constexpr int64_t kTogether = 4;
  const int64_t most = ceil_div(least(M, kTileRowsAtOnce), 32) * 2 * kTileNumbers;
  bf16 *left = array_in_scratch<bf16>(kTileLeft, a.blocks() * most), *right = array_in_scratch<bf16>(kTileRight, kTogether * most);
  float *sums = array_in_scratch<float>(kTileSums, a.blocks() * (b.blocks() * 1024 + 32)),
        *column_sums = sums + a.blocks() * b.blocks() * 1024;
  __builtin_memset(column_sums, 0, static_cast<size_t>(a.blocks() * 32) * sizeof(float));
  for (int64_t m = 0; m < M; m += kTileRowsAtOnce) {
    const int64_t rows = least(kTileRowsAtOnce, M - m), steps = ceil_div(rows, 32), plane = steps * 2 * kTileNumbers;
    for (int64_t step = 0; step < steps; ++step)
      for (int64_t i = 0; i < a.blocks(); ++i)
        pack_transposed(a.at(m + 32 * step, i), a.ld, rows - 32 * step, a.columns(i), left + i * plane + step * 2 * kTileNumbers,
                        column_sums + 32 * i);
    for (int64_t first = 0; first < b.blocks(); first += kTogether) {
      const int64_t last = least(b.blocks(), first + kTogether);
      for (int64_t step = 0; step < steps; ++step)
        for (int64_t j = first; j < last; ++j)
          pack_pairs(b.at(m + 32 * step, j), b.ld, rows - 32 * step, b.columns(j), right + (j - first) * plane + step * 2 * kTileNumbers);
      for (int64_t j = first; j < last; ++j) {
        for (int64_t i = 0; i < a.blocks(); ++i) {
          float *block = sums + (i * b.blocks() + j) * 1024;
          if (m == 0)
            TileBlock::zero();
          else
            TileBlock::load(block);
          for (int64_t step = 0; step < steps; ++step) {
            const bf16 *tiles = left + i * plane + step * 2 * kTileNumbers;
            TileBlock::add_product(tiles, tiles + kTileNumbers, 64, right + (j - first) * plane + step * 2 * kTileNumbers);
          }
          TileBlock::store(block);
        }
      }
    }
  }
  for (int64_t i = 0; i < a.blocks(); ++i) {
    for (int64_t j = 0; j < b.blocks(); ++j)
      store_in_order(sums + (i * b.blocks() + j) * 1024, a.columns(i), b.columns(j), to + i * 32 * ld + j * 32, ld);
    if (!totals) continue;
    for (int64_t place = 0; place < 32; ++place)
      if (paired_column(place) < a.columns(i)) totals[32 * i + paired_column(place)] = column_sums[32 * i + place];
  }
}

}  // namespace
}  // namespace distill
