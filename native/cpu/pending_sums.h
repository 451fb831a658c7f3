// The sums of a block are finished while the tiles work on the next one, a few rows after each step: vector instructions beside tile
// instructions cost next to nothing, but only if they come between them.
#pragma once

#include "cpu/tile_packing.h"

namespace distill {
namespace {

// Room for the block that waits and the next one: an object of its own, since stores of tiles would keep what lies beside it in memory.
struct TwoBlocks {
  alignas(64) float sums[2][TileBlock::kRows * TileBlock::kColumns];
};

// Passes blocks of a product with `columns` columns to finish(row, column, count, low, high): 32 sums of a row, of which `count` exist. It
// is inlined twice, once with `count` known to be 32.
template <class Finish>
class PendingSums {
 public:
  PendingSums(TwoBlocks &blocks, int64_t columns, const Finish &finish) : sums_(blocks.sums), columns_(columns), finish_(finish) {}

  // Finishes up to `some` rows of the block that waits.
  [[gnu::always_inline]] void finish_rows(int64_t some) {
    const int64_t last = least(rows_, finished_ + some), count = least(TileBlock::kColumns, columns_ - column_);
    const float *at = sums_[waiting_] + finished_ * TileBlock::kColumns;
    for (; finished_ < last; ++finished_, at += TileBlock::kColumns) {
      const Vec16 low = load<Vec16>(at), high = load<Vec16>(at + 16);
      if (count == TileBlock::kColumns)
        finish_(row_ + finished_, column_, TileBlock::kColumns, low, high);
      else
        finish_(row_ + finished_, column_, count, low, high);
    }
  }
  [[gnu::always_inline]] void finish() { finish_rows(TileBlock::kRows); }

  // Takes the sums in the tiles, of which the first `rows` rows exist. The block before is finished first.
  [[gnu::always_inline]] void take(int64_t row, int64_t rows, int64_t column) {
    finish();
    waiting_ = 1 - waiting_;
    TileBlock::store(sums_[waiting_]);
    row_ = row, rows_ = rows, column_ = column, finished_ = 0;
  }

 private:
  float (*sums_)[TileBlock::kRows * TileBlock::kColumns];
  int64_t columns_;
  const Finish &finish_;
  int64_t row_ = 0, rows_ = 0, column_ = 0, finished_ = 0;
  int waiting_ = 0;
};

}  // namespace
}  // namespace distill
