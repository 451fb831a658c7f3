// The tile instructions of AMX. A tile is a register of 16 rows of 64 bytes: 16 x 32 numbers of bf16, or 16 x 16 sums in fp32. Tile numbers
// are template arguments. GCC's own intrinsics are not used: their loads do not say that they read memory, so stores before them may move
// behind them, and their tile numbers cannot be template arguments.
//
// With DISTILL_EMULATED_TILES the same operations are functions (lowered/tiles.cpp) that give the same bits on any processor, and that
// throw where hardware would only be slow or end the process.
#pragma once

#include <cstdint>

#include "floats.h"

namespace distill {

// Asks the operating system, once per process and before any thread uses tiles, for the registers; whether it grants them. Linux from 5.16,
// Windows 11 and Server 2022.
bool allow_tiles();

// lowered/tiles.cpp; throw std::logic_error for what hardware does slowly or not at all.
namespace emulated {
void configure();
void release();
void zero(int tile);
void load(int tile, const void *from, int64_t stride);
void store(int tile, void *to, int64_t stride);
void dot(int sums, int left, int right);
}  // namespace emulated

namespace {

constexpr int64_t kTileNumbers = 16 * 32;  // of bf16 in a tile

#if defined(DISTILL_EMULATED_TILES)

inline void configure_tiles() { emulated::configure(); }
inline void release_tiles() { emulated::release(); }
template <int tile>
inline void zero_tile() {
  emulated::zero(tile);
}
template <int tile>
inline void load_tile(const void *from, int64_t stride) {
  emulated::load(tile, from, stride);
}
template <int tile>
inline void load_tile_once(const void *from, int64_t stride) {
  emulated::load(tile, from, stride);
}
template <int tile>
inline void store_tile(void *to, int64_t stride) {
  emulated::store(tile, to, stride);
}
template <int sums, int left, int right>
inline void add_tile_product() {
  emulated::dot(sums, left, right);
}

#else

// Palette 1: eight tiles, each 16 rows of 64 bytes
struct alignas(64) TileConfiguration {
  uint8_t palette = 1, start_row = 0, reserved[14] = {};
  uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
constexpr TileConfiguration kTileConfiguration;

inline void configure_tiles() { asm volatile("ldtilecfg %0" ::"m"(kTileConfiguration)); }
// Stores past the caches become visible to other threads, too.
inline void release_tiles() { asm volatile("tilerelease\n\tsfence" ::: "memory"); }

template <int tile>
[[gnu::always_inline]] inline void zero_tile() {
  asm volatile("tilezero %%tmm%c0" ::"i"(tile));
}

// Rows are `stride` bytes apart. `from` and `stride` must be multiples of 64: rows across two cache lines load five times as slowly.
template <int tile>
[[gnu::always_inline]] inline void load_tile(const void *from, int64_t stride) {
  asm volatile("tileloadd (%0,%1,1), %%tmm%c2" ::"r"(from), "r"(stride), "i"(tile) : "memory");
}
// The same for numbers that are used once: they do not drive others out of the first-level cache.
template <int tile>
[[gnu::always_inline]] inline void load_tile_once(const void *from, int64_t stride) {
  asm volatile("tileloaddt1 (%0,%1,1), %%tmm%c2" ::"r"(from), "r"(stride), "i"(tile) : "memory");
}
template <int tile>
[[gnu::always_inline]] inline void store_tile(void *to, int64_t stride) {
  asm volatile("tilestored %%tmm%c2, (%0,%1,1)" ::"r"(to), "r"(stride), "i"(tile) : "memory");
}

// sums [16,16] += left [16,32] right [32,16]; a row of `right` holds 16 pairs, one of each column: numbers (2 k, column), (2 k + 1, column)
template <int sums, int left, int right>
[[gnu::always_inline]] inline void add_tile_product() {
  asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(sums), "i"(left), "i"(right));
}

#endif

// Tiles are configured while it lives. One for each chunk of parallel work, never longer: other code of the thread may configure them
// differently, and tiles in use are saved whenever the system changes threads.
struct TileScope {
  TileScope() { configure_tiles(); }
  ~TileScope() { release_tiles(); }
  TileScope(const TileScope &) = delete;
};

// A block of 32 x 32 sums in tiles 0 to 3: the most that leaves tiles for both factors. Tiles 4 and 5 hold rows, 6 and 7 columns.
struct TileBlock {
  static constexpr int64_t kRows = 32, kColumns = 32;

  [[gnu::always_inline]] static void zero() {
    zero_tile<0>();
    zero_tile<1>();
    zero_tile<2>();
    zero_tile<3>();
  }
  // One step of 32 along the sum. The rows of `left`, of which rows 0 to 15 begin at `upper` and 16 to 31 at `lower`, are `stride` bytes
  // apart. `right` [2][16][16] pairs: two tiles of 16 columns. It stays in the first-level cache, as the rows that pass by are loaded once,
  // unless it is the rows that stay while columns pass by.
  template <bool rows_stay = false>
  [[gnu::always_inline]] static void add_product(const bf16 *upper, const bf16 *lower, int64_t stride, const bf16 *right) {
    load_row_tile<4, rows_stay>(upper, stride);
    load_tile<6>(right, 64);
    add_tile_product<0, 4, 6>();
    load_tile<7>(right + kTileNumbers, 64);
    add_tile_product<1, 4, 7>();
    load_row_tile<5, rows_stay>(lower, stride);
    add_tile_product<2, 5, 6>();
    add_tile_product<3, 5, 7>();
  }
  // sums [32,32], rows contiguous
  [[gnu::always_inline]] static void store(float *sums) {
    store_tile<0>(sums, 128);
    store_tile<1>(sums + 16, 128);
    store_tile<2>(sums + 16 * 32, 128);
    store_tile<3>(sums + 16 * 32 + 16, 128);
  }
  [[gnu::always_inline]] static void load(const float *sums) {
    load_tile<0>(sums, 128);
    load_tile<1>(sums + 16, 128);
    load_tile<2>(sums + 16 * 32, 128);
    load_tile<3>(sums + 16 * 32 + 16, 128);
  }

 private:
  template <int tile, bool stays>
  [[gnu::always_inline]] static void load_row_tile(const bf16 *rows, int64_t stride) {
    if constexpr (stays)
      load_tile<tile>(rows, stride);
    else
      load_tile_once<tile>(rows, stride);
  }
};

}  // namespace
}  // namespace distill
