#include "cpu/limits.h"

#include "cpu/tiles.h"

namespace distill::amx {

// Four sums in turn, as a product has them; a link costs 16 cycles.
int64_t multiply_adds(int64_t times) {
  constexpr int64_t kOperations = 2 * 16 * 16 * 32;
  const int64_t links = times / 16 + 1;
  const TileScope scope;
  zero_tile<4>();
  zero_tile<6>();
  TileBlock::zero();
  for (int64_t i = 0; i < links; ++i) {
    add_tile_product<0, 4, 6>();
    add_tile_product<1, 4, 6>();
    add_tile_product<2, 4, 6>();
    add_tile_product<3, 4, 6>();
  }
  return links * 4 * kOperations;
}

}  // namespace distill::amx
