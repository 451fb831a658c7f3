// Depthwise convolution for any vector type V of vec.h, instantiated in depthwise_conv2d.<isa>.cpp. Lanes are channels.
//
//   forward          outputs of a row, some at once: each pixel of x is loaded once for the taps of a kernel's row, which stay in registers
//   backward input   the same with pixels of dx, onto which taps spread dy
//   backward weight  taps as sums in registers, along a row of outputs; rows are summed in parts, and these in order
//
// Kernels 3, 5 and 7 wide with strides 1 and 2 have loops of their own. Fewer channels than lanes are left to the scalar reference. Both
// layouts of images are read in place: only the distances between pixels differ.
#pragma once

#include <algorithm>
#include <cmath>

#include "cpu/activations.h"
#include "cpu/image_layout.h"
#include "cpu/patches.h"
#include "cpu/threads.h"
#include "cpu/variants.h"
#include "cpu/vec.h"
#include "ops.h"

namespace distill {
namespace {

// Calls body(first channel) for vectors that cover all channels. The last may overlap the one before it; both then compute the same.
template <class V, class Body>
[[gnu::always_inline]] inline void for_vectors(int64_t C, const Body &body) {
  for (int64_t c = 0; c < C; c += lanes<V>) body(std::min<int64_t>(c, C - lanes<V>));
}

// Where the pixels of images are, in numbers
struct Pixels {
  int64_t H, W, image, row, pixel;

  Pixels(bool hwnc, int64_t N, int64_t H, int64_t W, int64_t C) : H(H), W(W) {
    const ImageLayout layout(hwnc, N, H * W);
    image = layout.image * C, pixel = layout.pixel * C, row = W * pixel;
  }
  int64_t at(int64_t n, int64_t h) const { return n * image + h * row; }
};

// The taps that meet an output along one axis: tap + i * tap_step meets pixel + i * pixel_step
struct Meeting {
  int64_t tap, tap_step, pixel, pixel_step, count;
};

// Of x, in the forward pass
inline Meeting forward_meeting(int64_t output, int64_t stride, int64_t before, int64_t window, int64_t extent) {
  const int64_t begin = output * stride - before, first = std::max<int64_t>(0, -begin);
  return {first, 1, begin + first, 1, std::min(window, extent - begin) - first};
}
// Of dy, which has `outputs`, with a pixel of dx
inline Meeting backward_meeting(int64_t pixel, int64_t stride, int64_t before, int64_t window, int64_t outputs) {
  const int64_t from = pixel + before, left_out = std::max<int64_t>(from / stride - (outputs - 1), 0);
  const int64_t tap = from % stride + left_out * stride, output = from / stride - left_out;
  return {tap, stride, output, -1, std::clamp<int64_t>(ceil_div(window - tap, stride), 0, output + 1)};
}

// What happens to the sums: nothing, or a batch norm with running averages.
struct DepthwiseEnding {
  const float *start = nullptr;                    // [C] what sums begin with, or null: 0
  const float *scale = nullptr, *shift = nullptr;  // [C] or null: y is the sum
  Floats residual = {};                            // null, or like y
  Activation activation = Activation::none;
};

// Images `from` to images `to`, stored alike, forward or backward
struct Depthwise {
  Floats from;
  FloatsOut to;
  Pixels in, out;
  int64_t N, C, R, S, stride, top, left;
  const float *taps;  // [R,S,C]
  DepthwiseEnding ending;

  // Rows of an image that a thread takes at once, so that most of what it reads is in its cache
  int64_t rows_at_once() const {
    constexpr int64_t kNumbers = 1 << 17;
    return std::clamp<int64_t>(kNumbers / (out.W * C), 1, out.H);
  }
};

// Weights [C,1,R,S] as [R,S,C], rounded as factors of images stored like that; in scratch
inline const float *by_taps(const float *weight, int64_t C, int64_t taps, Storage storage) {
  float *packed = scratch_of(Scratch::weights, C * taps);
  for (int64_t c = 0; c < C; c++) {
    for (int64_t tap = 0; tap < taps; tap++) packed[tap * C + c] = as_factor(weight[c * taps + tap], storage);
  }
  return packed;
}

// y[at ...] from the sums of channels c and following
template <class V, class T>
[[gnu::always_inline]] inline void finish_output(const DepthwiseEnding &ending, V sum, int64_t c, int64_t at, T *y) {
  if (ending.scale) {
    sum = sum * load<V>(ending.scale + c) + load<V>(ending.shift + c);
    if (ending.residual) sum += load<V>(ending.residual + at);
    sum = activated(sum, ending.activation);
  }
  store(y + at, sum);
}

// ---- Kernels of any size

template <class V, bool backward, class T>
void convolve_row(const Depthwise &a, const T *from, T *to, int64_t n, int64_t h) {
  const auto meet = backward ? backward_meeting : forward_meeting;
  const Meeting v = meet(h, a.stride, a.top, a.R, a.in.H);
  for (int64_t w = 0; w < a.out.W; w++) {
    const Meeting u = meet(w, a.stride, a.left, a.S, a.in.W);
    const int64_t at = a.out.at(n, h) + w * a.out.pixel;
    for_vectors<V>(a.C, [&](int64_t c) {
      V sum = a.ending.start ? load<V>(a.ending.start + c) : V{};
      for (int64_t i = 0; i < v.count; i++) {
        const float *taps = a.taps + (v.tap + i * v.tap_step) * a.S * a.C + c;
        const T *pixels = from + a.in.at(n, v.pixel + i * v.pixel_step) + c;
        for (int64_t j = 0; j < u.count; j++)
          sum += load<V>(taps + (u.tap + j * u.tap_step) * a.C) * load<V>(pixels + (u.pixel + j * u.pixel_step) * a.in.pixel);
      }
      finish_output(a.ending, sum, c, at + c, to);
    });
  }
}

// ---- Kernels of known width

// A row of taps slid along a row of pixels: output o of a block meets pixel i with tap(o, i).
template <class V, int S_, int stride_, bool backward>
struct Slide {
  static constexpr int S = S_, stride = stride_;
  // Sums, taps and a pixel are in registers. Backward, whole strides.
  static constexpr int kFew = stride == 1 ? 7 : 6, kOut = VecTraits<V>::registers - S > 9 ? 8 : kFew;
  static constexpr int kIn = backward ? (kOut + S - 2) / stride + 1 : (kOut - 1) * stride + S;
  static constexpr int tap(int o, int i) { return backward ? o - stride * i + S - 1 : i - stride * o; }
  static constexpr int kNew = backward ? kOut / stride : kOut * stride;  // pixels that are not in the block before
};

// The outputs and pixels of a block, of which only [first, end) are there
struct Block {
  int64_t output, pixel;  // of o = 0 and i = 0
  int first_out, end_out, first_in, end_in;

  template <class Slide>
  bool whole() const {
    return first_out == 0 && end_out == Slide::kOut && first_in == 0 && end_in == Slide::kIn;
  }
};

template <class Slide, bool backward>
Block block_of(const Depthwise &a, int64_t index) {
  constexpr int64_t kOut = Slide::kOut, kIn = Slide::kIn, stride = Slide::stride, reach = Slide::S - 1;
  Block block;
  int64_t pixels = kIn;
  if constexpr (backward) {
    // Tap S - 1 of pixel i = 0 falls on o = 0.
    block.pixel = index * kOut / stride - ceil_div(reach - a.left, stride);
    block.output = block.pixel * stride + reach - a.left;
  } else {
    block.output = index * kOut;
    block.pixel = block.output * stride - a.left;
    pixels = std::min(kIn, (a.out.W - block.output - 1) * stride + Slide::S);
  }
  block.first_out = int(std::max<int64_t>(0, -block.output));
  block.end_out = int(std::min(kOut, a.out.W - block.output));
  block.first_in = int(std::max<int64_t>(0, -block.pixel));
  block.end_in = int(std::min(pixels, a.in.W - block.pixel));
  return block;
}

// sums += a row of taps, `distance` apart, slid along pixels, `step` apart
template <class V, class Slide, bool whole, class T>
[[gnu::always_inline]] inline void add_row(const Block &block, const float *taps, int64_t distance, const T *pixels, int64_t step,
                                           V (&sums)[Slide::kOut]) {
  V tap[Slide::S];
#pragma GCC unroll 7
  for (int s = 0; s < Slide::S; s++) tap[s] = load<V>(taps + s * distance);
#pragma GCC unroll 24
  for (int i = 0; i < Slide::kIn; i++) {
    if (!whole && (i < block.first_in || i >= block.end_in)) continue;
    const V pixel = load<V>(pixels + i * step);
#pragma GCC unroll 8
    for (int o = 0; o < Slide::kOut; o++) {
      const int s = Slide::tap(o, i);
      if (s >= 0 && s < Slide::S) sums[o] += tap[s] * pixel;
    }
  }
}

// The rows of pixels that no row of outputs has met before the next one does: `count` from `row`
struct NewRows {
  int64_t row, count;

  NewRows(const Meeting &now, const Meeting &next) : row(last(now) + 1), count(last(next) - last(now)) {}
  static int64_t last(const Meeting &rows) { return rows.pixel_step > 0 ? rows.pixel + rows.count - 1 : rows.pixel; }
};

// Prefetches what the block below will read and write for the first time, a line of channels at a time: pixels are too far apart for the
// processor to see what comes next.
template <class Slide, class T>
[[gnu::always_inline]] inline void prefetch_below(const Depthwise &a, const NewRows &rows, const T *pixels, const T *outputs) {
  for (int64_t row = 0; row < rows.count; row++, pixels += a.in.row) {
#pragma GCC unroll 16
    for (int i = 0; i < Slide::kNew; i++) __builtin_prefetch(pixels + i * a.in.pixel);
  }
#pragma GCC unroll 8
  for (int o = 0; o < Slide::kOut; o++) __builtin_prefetch(outputs + o * a.out.pixel, 1);
}

// A block of outputs in a row. `from` and `to`: the rows' images.
template <class V, class Slide, bool whole, class T>
[[gnu::noinline]] void convolve_block(const Depthwise &a, const Meeting &rows, const NewRows &below, const Block &block, const T *from,
                                      T *to, int64_t at) {
  constexpr int64_t kLine = 64 / sizeof(T);
  for_vectors<V>(
      a.C, [&](int64_t c) __attribute__((always_inline)) {
        if (c % kLine == 0)
          prefetch_below<Slide>(a, below, from + below.row * a.in.row + block.pixel * a.in.pixel + c, to + (at + a.out.row + c));
        V sums[Slide::kOut];
        const V start = a.ending.start ? load<V>(a.ending.start + c) : V{};
#pragma GCC unroll 8
        for (int o = 0; o < Slide::kOut; o++) sums[o] = start;
        const float *taps = a.taps + rows.tap * a.S * a.C + c;
        const T *pixels = from + rows.pixel * a.in.row + block.pixel * a.in.pixel + c;
        for (int64_t i = 0; i < rows.count; i++) {
          add_row<V, Slide, whole>(block, taps, a.C, pixels, a.in.pixel, sums);
          taps += rows.tap_step * a.S * a.C;
          pixels += rows.pixel_step * a.in.row;
        }
#pragma GCC unroll 8
        for (int o = 0; o < Slide::kOut; o++) {
          if (whole || (o >= block.first_out && o < block.end_out)) finish_output(a.ending, sums[o], c, at + o * a.out.pixel + c, to);
        }
      });
}

template <class V, class Slide, bool backward, class T>
void slide_row(const Depthwise &a, const T *from, T *to, int64_t n, int64_t h) {
  const auto meet = backward ? backward_meeting : forward_meeting;
  const Meeting rows = meet(h, a.stride, a.top, a.R, a.in.H);
  const NewRows below(rows, meet(std::min(h + 1, a.out.H - 1), a.stride, a.top, a.R, a.in.H));
  for (int64_t index = 0;; index++) {
    const Block block = block_of<Slide, backward>(a, index);
    if (block.output >= a.out.W) return;
    const auto convolve = block.template whole<Slide>() ? convolve_block<V, Slide, true, T> : convolve_block<V, Slide, false, T>;
    convolve(a, rows, below, block, from + n * a.in.image, to, a.out.at(n, h) + block.output * a.out.pixel);
  }
}

// Calls body(number) with S as a type if there is a loop of its own for it, otherwise body(0).
template <class Body>
auto with_known_width(int64_t S, const Body &body) {
  return S == 3   ? body(std::integral_constant<int, 3>{})
         : S == 5 ? body(std::integral_constant<int, 5>{})
         : S == 7 ? body(std::integral_constant<int, 7>{})
                  : body(std::integral_constant<int, 0>{});
}

template <class V, bool backward, class T>
auto row_of(const Depthwise &a) {
  return with_known_width(a.S, [&]<int S>(std::integral_constant<int, S>) {
    if constexpr (S != 0) {
      if (a.stride == 1) return slide_row<V, Slide<V, S, 1, backward>, backward, T>;
      if (a.stride == 2) return slide_row<V, Slide<V, S, 2, backward>, backward, T>;
    }
    return convolve_row<V, backward, T>;
  });
}

template <class V, bool backward>
void convolve_depthwise(const Depthwise &a) {
  const int64_t rows = a.rows_at_once(), per_image = ceil_div(a.out.H, rows);
  typed(a.to, [&]<class T>(T *to) {
    const T *from = static_cast<const T *>(a.from.data);
    const auto convolve = row_of<V, backward, T>(a);
    parallel_for(a.N * per_image, [&](int64_t chunk) {
      const int64_t n = chunk / per_image, first = chunk % per_image * rows;
      for (int64_t h = first; h < std::min(a.out.H, first + rows); h++) convolve(a, from, to, n, h);
    });
  });
}

inline Depthwise forward_of(const DepthwiseConv2dForward &a, const DepthwiseEnding &ending) {
  const float *taps = by_taps(a.weight, a.C, a.R * a.S, a.x.storage);
  const Pixels in(a.hwnc, a.N, a.H, a.W, a.C), out(a.hwnc, a.N, a.P, a.Q, a.C);
  return {a.x, a.y, in, out, a.N, a.C, a.R, a.S, a.stride, a.top, a.left, taps, ending};
}

template <class V>
void depthwise_conv2d_forward(const DepthwiseConv2dForward &a) {
  if (a.C < lanes<V>) return scalar::depthwise_conv2d_forward(a);
  convolve_depthwise<V, false>(forward_of(a, {.start = a.bias}));
}

template <class V>
void depthwise_conv2d_norm_forward(const DepthwiseConv2dNormForward &op) {
  const auto &[a, norm] = op;
  if (a.C < lanes<V>) return scalar::depthwise_conv2d_norm_forward(op);
  float *start = scratch_of(Scratch::epilogue, 2 * a.C), *scale = start + a.C;
  for (int64_t c = 0; c < a.C; c++) {
    start[c] = (a.bias ? a.bias[c] : 0) - norm.running_mean[c];
    scale[c] = float(1 / std::sqrt(double(norm.running_var[c]) + norm.eps)) * norm.weight[c];
  }
  convolve_depthwise<V, false>(forward_of(a, {start, scale, norm.bias, norm.residual, norm.activation}));
}

template <class V>
void depthwise_conv2d_backward_input(const DepthwiseConv2dBackwardInput &a) {
  if (a.C < lanes<V>) return scalar::depthwise_conv2d_backward_input(a);
  const float *taps = by_taps(a.weight, a.C, a.R * a.S, a.dx.storage);
  const Pixels in(a.hwnc, a.N, a.P, a.Q, a.C), out(a.hwnc, a.N, a.H, a.W, a.C);
  convolve_depthwise<V, true>({a.dy, a.dx, in, out, a.N, a.C, a.R, a.S, a.stride, a.top, a.left, taps, {}});
}

// ---- Backward weight

// Rows of outputs are summed in parts. A part has the sums of all taps, and of dy, [R*S + 1][vectors][lanes].
template <class V>
struct TapSums {
  int64_t rows, parts, vectors, size;

  explicit TapSums(const DepthwiseConv2dBackwardWeight &a) : vectors(ceil_div(a.C, lanes<V>)) {
    constexpr int64_t kParts = 32;
    rows = ceil_div(a.N * a.P, kParts);
    parts = ceil_div(a.N * a.P, rows);
    size = (a.R * a.S + 1) * vectors * lanes<V>;
  }
};

// Adds the products of some outputs in a row, from q, with `count` rows of x, for one vector of channels, to sums of S taps for each row.
template <class V, int S, int stride, int rows, int outputs, bool whole, class T>
[[gnu::always_inline]] inline void add_products(const T *x, const Pixels &in, int64_t w, const T *dy, int64_t step, V (&sums)[rows][S]) {
  V gradient[outputs];
#pragma GCC unroll 4
  for (int o = 0; o < outputs; o++) gradient[o] = load<V>(dy + o * step);
#pragma GCC unroll 7
  for (int r = 0; r < rows; r++) {
#pragma GCC unroll 16
    for (int i = 0; i < (outputs - 1) * stride + S; i++) {
      if (!whole && (w + i < 0 || w + i >= in.W)) continue;
      const V pixel = load<V>(x + r * in.row + (w + i) * in.pixel);
#pragma GCC unroll 4
      for (int o = 0; o < outputs; o++) {
        const int s = i - stride * o;
        if (s >= 0 && s < S) sums[r][s] += gradient[o] * pixel;
      }
    }
  }
}

// What the row of outputs below reads for the first time: its gradients, and the last `stride` rows of x that it meets; or null
template <class T>
struct Below {
  const T *x = nullptr, *dy = nullptr;

  template <int stride, int outputs>
  [[gnu::always_inline]] void prefetch(const Pixels &in, int64_t w, const Pixels &out, int64_t q) const {
#pragma GCC unroll 4
    for (int o = 0; o < outputs; o++) __builtin_prefetch(dy + (q + o) * out.pixel);
#pragma GCC unroll 2
    for (int r = 0; r < stride; r++) {
#pragma GCC unroll 8
      for (int i = 0; i < outputs * stride; i++) __builtin_prefetch(x + r * in.row + (w + i) * in.pixel);
    }
  }
};

// The same along a whole row of outputs; x: the first of `rows` rows. The sums are added to `to`, `distance` apart.
template <class V, int S, int stride, int rows, class T>
[[gnu::noinline]] void add_products_of_row(const T *x, const Pixels &in, int64_t left, const T *dy, const Pixels &out,
                                           const Below<T> &below, float *to, int64_t distance) {
  constexpr int kOutputs = 4, kReach = (kOutputs - 1) * stride + S;
  V sums[rows][S] = {};
  int64_t q = 0;
  for (; q + kOutputs <= out.W; q += kOutputs) {
    const int64_t w = q * stride - left;
    if (below.x) below.template prefetch<stride, kOutputs>(in, w, out, q);
    if (w >= 0 && w + kReach <= in.W)
      add_products<V, S, stride, rows, kOutputs, true>(x, in, w, dy + q * out.pixel, out.pixel, sums);
    else
      add_products<V, S, stride, rows, kOutputs, false>(x, in, w, dy + q * out.pixel, out.pixel, sums);
  }
  for (; q < out.W; q++) add_products<V, S, stride, rows, 1, false>(x, in, q * stride - left, dy + q * out.pixel, out.pixel, sums);
#pragma GCC unroll 7
  for (int r = 0; r < rows; r++) {
#pragma GCC unroll 7
    for (int s = 0; s < S; s++) {
      float *sum = to + (r * S + s) * distance;
      store(sum, load<V>(sum) + sums[r][s]);
    }
  }
}

// All rows of taps that meet a row of outputs. Where taps do not fit the registers, some rows at a time.
template <class V, int S, int stride, class T>
void add_row_of_outputs(const DepthwiseConv2dBackwardWeight &a, const Meeting &rows, const T *x, const Pixels &in, const T *dy,
                        const Pixels &out, bool first_of_line, float *to, int64_t distance) {
  constexpr int kMost = VecTraits<V>::registers - 5, kRows = std::min(S, kMost / S);
  int64_t i = 0;
  x += rows.pixel * in.row;
  to += rows.tap * S * distance;
  Below<T> below;
  if (first_of_line) below = {x + rows.count * in.row, dy + out.row};
  for (; i + kRows <= rows.count; i += kRows, below = {})
    add_products_of_row<V, S, stride, kRows>(x + i * in.row, in, a.left, dy, out, below, to + i * S * distance, distance);
  for (; i < rows.count; i++, below = {})
    add_products_of_row<V, S, stride, 1>(x + i * in.row, in, a.left, dy, out, below, to + i * S * distance, distance);
}

// Any size: one tap after the other
template <class V, class T>
void add_row_of_any(const DepthwiseConv2dBackwardWeight &a, const Meeting &rows, const T *x, const Pixels &in, const T *dy,
                    const Pixels &out, bool, float *to, int64_t distance) {
  for (int64_t i = 0; i < rows.count; i++) {
    for (int64_t s = 0; s < a.S; s++) {
      V sum{};
      for (int64_t q = 0; q < out.W; q++) {
        const int64_t w = q * a.stride - a.left + s;
        if (w >= 0 && w < in.W) sum += load<V>(x + (rows.pixel + i) * in.row + w * in.pixel) * load<V>(dy + q * out.pixel);
      }
      float *at = to + ((rows.tap + i) * a.S + s) * distance;
      store(at, load<V>(at) + sum);
    }
  }
}

template <class V, class T>
auto row_of_outputs(const DepthwiseConv2dBackwardWeight &a) {
  return with_known_width(a.S, [&]<int S>(std::integral_constant<int, S>) {
    if constexpr (S != 0) {
      if (a.stride == 1) return add_row_of_outputs<V, S, 1, T>;
      if (a.stride == 2) return add_row_of_outputs<V, S, 2, T>;
    }
    return add_row_of_any<V, T>;
  });
}

// The sums of one part
template <class V, class T>
void add_rows(const DepthwiseConv2dBackwardWeight &a, const TapSums<V> &plan, int64_t part, float *sums) {
  const Pixels in(a.hwnc, a.N, a.H, a.W, a.C), out(a.hwnc, a.N, a.P, a.Q, a.C);
  const auto add = row_of_outputs<V, T>(a);
  constexpr int64_t kLine = 64 / sizeof(T);
  const int64_t distance = plan.vectors * lanes<V>;
  std::fill_n(sums, plan.size, 0.0f);
  for (int64_t row = part * plan.rows; row < std::min(a.N * a.P, (part + 1) * plan.rows); row++) {
    const int64_t n = row / a.P, p = row % a.P;
    const Meeting rows = forward_meeting(p, a.stride, a.top, a.R, a.H);
    const T *x = static_cast<const T *>(a.x.data) + n * in.image, *dy = static_cast<const T *>(a.dy.data) + out.at(n, p);
    float *to = sums;
    for_vectors<V>(a.C, [&](int64_t c) {
      add(a, rows, x + c, in, dy + c, out, c % kLine == 0, to, distance);
      if (a.dbias) {
        V sum{};
        for (int64_t q = 0; q < a.Q; q++) sum += load<V>(dy + q * out.pixel + c);
        float *bias = to + a.R * a.S * distance;
        store(bias, load<V>(bias) + sum);
      }
      to += lanes<V>;
    });
  }
}

template <class V>
void depthwise_conv2d_backward_weight(const DepthwiseConv2dBackwardWeight &a) {
  if (a.C < lanes<V>) return scalar::depthwise_conv2d_backward_weight(a);
  const TapSums<V> plan(a);
  float *sums = scratch_of(Scratch::partials, plan.parts * plan.size);
  parallel_for(plan.parts, [&](int64_t part) {
    if (a.x.storage == Storage::f32)
      add_rows<V, float>(a, plan, part, sums + part * plan.size);
    else
      add_rows<V, bf16>(a, plan, part, sums + part * plan.size);
  });
  const int64_t taps = a.R * a.S, distance = plan.vectors * lanes<V>;
  parallel_for(taps + (a.dbias != nullptr), [&](int64_t tap) {
    int64_t at = tap * distance;
    for_vectors<V>(a.C, [&](int64_t c) {
      V sum = load<V>(sums + at);
      for (int64_t part = 1; part < plan.parts; part++) sum += load<V>(sums + part * plan.size + at);
      for (int lane = 0; lane < lanes<V>; lane++) (tap < taps ? a.dweight[(c + lane) * taps + tap] : a.dbias[c + lane]) = sum[lane];
      at += lanes<V>;
    });
  });
}

}  // namespace
}  // namespace distill
