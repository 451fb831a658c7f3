#include <algorithm>
#include <cstring>

#include "cpu/threads.h"
#include "cpu/variants.h"

namespace distill::scalar {

// Rows of C numbers are copied whole, in square blocks, so that neither side jumps from page to page.
void swap_axes(const SwapAxes &a) {
  constexpr int64_t kBlock = 32;
  const int64_t bytes = a.C * (a.x.storage == Storage::f32 ? 4 : 2);
  const char *x = static_cast<const char *>(a.x.data);
  char *y = static_cast<char *>(a.y.data);
  parallel_for((a.P + kBlock - 1) / kBlock, [&](int64_t block) {
    const int64_t end = std::min(a.P, (block + 1) * kBlock);
    for (int64_t first = 0; first < a.N; first += kBlock) {
      for (int64_t p = block * kBlock; p < end; ++p) {
        for (int64_t n = first; n < std::min(a.N, first + kBlock); ++n)
          std::memcpy(y + (p * a.N + n) * bytes, x + (n * a.P + p) * bytes, static_cast<size_t>(bytes));
      }
    }
  });
}

}  // namespace distill::scalar
