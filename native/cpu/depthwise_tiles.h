// Some outputs of a row at once: each pixel is loaded once for the taps of a kernel's row, which stay in registers with the sums.
#pragma once

#include "cpu/activations.h"
#include "cpu/depthwise_rows.h"
#include "cpu/vec.h"
#include "ops.h"

namespace distill {
namespace {

// A row of taps slid along a row of pixels: output o of a tile meets its pixel i with tap(o, i), if that is one of S.
template <int S_, int stride, int outputs>
struct ForwardSlide {
  static constexpr int S = S_, kOut = outputs, kIn = (kOut - 1) * stride + S;
  static constexpr int kColumns = kOut * stride;  // from one tile to the next
  static constexpr int tap(int o, int i) { return i - stride * o; }
};
// Of stride 2: pixels of dx onto which taps spread dy. phase: left % 2, which decides whether even taps meet even pixels
template <int S_, int phase, int outputs>
struct BackwardSlide {
  static constexpr int S = S_, kOut = outputs;
  static constexpr int kBefore = (S - phase) / 2;  // i = kBefore meets o = 0 with tap `phase`
  static constexpr int kIn = kBefore + (kOut - 1 + phase) / 2 + 1, kColumns = kOut / 2;
  static constexpr int tap(int o, int i) { return o + phase - 2 * (i - kBefore); }
};

// What happens to the sums
struct DepthwiseEnding {
  const float *start = nullptr;  // [C] what sums begin with, or null: 0
  Floats residual = {};          // null, or like y
  Activation activation = Activation::none;
};

// y[at + o * step] from the sums of outputs o < count
template <class V, int outputs, class T>
[[gnu::always_inline]] inline void finish_outputs(const DepthwiseEnding &ending, V (&sums)[outputs], int count, int64_t at, int64_t step,
                                                  T *y) {
  if (ending.residual) {
    const T *residual = static_cast<const T *>(ending.residual.data) + at;
#pragma GCC unroll 8
    for (int o = 0; o < outputs; o++)
      if (o < count) sums[o] += load<V>(residual + o * step);
  }
  with_activation(
      ending.activation, [&]<Activation activation>(ActivationType<activation>) __attribute__((always_inline)) {
#pragma GCC unroll 8
        for (int o = 0; o < outputs; o++)
          if (o < count) store(y + at + o * step, activated<activation>(sums[o]));
      });
}

// sums += a row of taps [S][lanes] slid along pixels, for channels c and following
template <class V, class Slide, class T>
[[gnu::always_inline]] inline void add_row(const float *taps, const T *const *pixels, int64_t c, V (&sums)[Slide::kOut]) {
  V tap[Slide::S];
#pragma GCC unroll 7
  for (int s = 0; s < Slide::S; s++) tap[s] = load<V>(taps + s * lanes<V>);
#pragma GCC unroll 24
  for (int i = 0; i < Slide::kIn; i++) {
    const V pixel = load<V>(pixels[i] + c);
#pragma GCC unroll 8
    for (int o = 0; o < Slide::kOut; o++) {
      const int s = Slide::tap(o, i);
      if (s >= 0 && s < Slide::S) sums[o] += tap[s] * pixel;
    }
  }
}

}  // namespace
}  // namespace distill
