// Some outputs of a row at once: each pixel is loaded once for the taps of a kernel's row, which stay in registers with the sums.
#pragma once

#include <type_traits>

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
  bool stream = false;  // outputs are stored past the caches (streams_outputs)
};

// Whether vectors of outputs [pixels][C] are whole lines, and too many to be still in the caches when they are read again. Stored past the
// caches, they are not read from memory first.
template <class V>
bool streams_outputs(FloatsOut y, int64_t pixels, int64_t C) {
  constexpr int64_t kFar = 1 << 22;
  return sizeof(V) == 64 && y.storage == Storage::f32 && C % lanes<V> == 0 && reinterpret_cast<uintptr_t>(y.data) % 64 == 0 &&
         pixels * C > kFar;
}

template <class V, class T>
[[gnu::always_inline]] inline void store_outputs(T *y, V outputs, [[maybe_unused]] bool stream) {
#if defined(__AVX512F__)
  if constexpr (sizeof(V) == 64 && std::is_same_v<T, float>)
    if (stream) return _mm512_stream_ps(y, as<__m512>(outputs));
#endif
  store(y, outputs);
}

// Makes streamed outputs visible to other threads, which the end of a chunk alone does not.
inline void finish_streaming() {
#if defined(__AVX512F__)
  _mm_sfence();
#endif
}

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
          if (o < count) store_outputs(y + at + o * step, activated<activation>(sums[o]), ending.stream);
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
