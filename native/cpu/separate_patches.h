// Convolution by tiles of images [N,H,W,C] whose patches do not overlap, as in a vision transformer's embedding: each number of an image is
// copied once, to rows of patches, and the rest is a product of matrices.
#pragma once

#include <algorithm>

#include "cpu/tile_products.h"
#include "ops.h"

namespace distill {
namespace {

struct SeparatePatches {
  Floats image;
  int64_t H, W, C, P, Q, R, S, stride;

  template <class Conv2d>
  static bool fit(const Conv2d &op) {
    const bool inside = op.top == 0 && op.left == 0 && (op.P - 1) * op.stride + op.R <= op.H && (op.Q - 1) * op.stride + op.S <= op.W;
    return !op.hwnc && inside && op.R <= op.stride && op.S <= op.stride;
  }
  template <class Conv2d>
  explicit SeparatePatches(const Conv2d &op)
      : image(op.x), H(op.H), W(op.W), C(op.C), P(op.P), Q(op.Q), R(op.R), S(op.S), stride(op.stride) {}

  int64_t size() const { return R * S * C; }
  int64_t width() const { return ceil_div(size(), 32) * 32; }
  // Patches first ... first + count - 1, in the order (n, p, q), as a matrix [count, size()] with rows width() apart, zero between; in
  // scratch
  TileRows copy(int slot, int64_t first, int64_t count) const {
    bf16 *rows = array_in_scratch<bf16>(slot, count * width());
    for (int64_t i = 0; i < count; ++i) {
      const int64_t q = (first + i) % Q, p = (first + i) / Q % P, n = (first + i) / (P * Q);
      bf16 *to = rows + i * width();
      for (int64_t r = 0; r < R; ++r, to += S * C)
        __builtin_memcpy(to, image.as_bf16() + ((n * H + p * stride + r) * W + q * stride) * C, static_cast<size_t>(S * C) * sizeof(bf16));
      std::fill_n(to, width() - size(), bf16{});
    }
    return {{rows, Storage::bf16}, count, width(), width()};
  }
};

// Passes the products of all patches and the filter, packed in the order (r, s, c), to `finish`, as multiply_rows does.
template <class Finish>
void convolve(int slot, const SeparatePatches &patches, int64_t N, const TilePanels &filter, const Finish &finish) {
  constexpr int64_t kRows = 128;
  const int64_t M = N * patches.P * patches.Q;
  parallel_for(ceil_div(M, kRows), [&](int64_t chunk) {
    const int64_t first = chunk * kRows;
    const TileRows rows = patches.copy(slot, first, least(kRows, M - first));
    const TileScope scope;
    multiply_rows(
        rows, 0, rows.M, filter, [=](int64_t row, int64_t column, int64_t count, Vec16 low, Vec16 high) __attribute__((always_inline)) {
          finish(first + row, column, count, low, high);
        });
  });
}

// dweight and dbias of these patches, summed in parts, one or a multiple of four, that are added in order.
inline void weight_gradient(int slot, int sums_slot, const SeparatePatches &patches, const Conv2dBackwardWeight &op) {
  constexpr int64_t kPart = 2048;
  const int64_t M = op.N * op.P * op.Q, K = patches.size(), size = op.O * (K + 1);  // the last O are sums of dy
  const int64_t parts = M <= kPart ? 1 : 4 * ceil_div(M, 4 * kPart), most = ceil_div(ceil_div(M, parts), 32) * 32;
  float *sums = array_in_scratch<float>(sums_slot, parts * size);
  parallel_for(parts, [&](int64_t part) {
    const int64_t first = least(M, part * most), count = least(most, M - first);
    const TileRows rows = patches.copy(slot, first, count);
    const TileScope scope;
    float *to = sums + part * size;
    multiply_transposed(count, {op.dy + first * op.O, op.O, op.O}, {rows.a, K, rows.ld}, to, K, to + op.O * K);
  });
  const int64_t taps = op.R * op.S;
  parallel_for(op.O, [&](int64_t o) {
    const auto total = [&](int64_t at) {
      float sum = sums[at];
      for (int64_t part = 1; part < parts; ++part) sum += sums[part * size + at];
      return sum;
    };
    for (int64_t k = 0; k < K; ++k) op.dweight[(o * op.C + k % op.C) * taps + k / op.C] = total(o * K + k);
    if (op.dbias) op.dbias[o] = total(op.O * K + o);
  });
}

}  // namespace
}  // namespace distill
