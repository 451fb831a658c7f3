// Where depthwise convolutions find their pixels, and their taps as vectors of channels.
#pragma once

#include <algorithm>

#include "cpu/image_layout.h"
#include "cpu/patches.h"
#include "cpu/vec.h"

namespace distill {
namespace {

// Calls body(vector, first channel) for vectors that cover all channels. The last may overlap the one before it; both then compute the
// same.
template <class V, class Body>
[[gnu::always_inline]] inline void for_vectors(int64_t C, const Body &body) {
  for (int64_t c = 0, vector = 0; c < C; c += lanes<V>, vector++) body(vector, std::min<int64_t>(c, C - lanes<V>));
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

// The rows of taps that meet a row of outputs: tap + i * tap_step meets row + i of pixels.
struct Meeting {
  int64_t tap, tap_step, row, count;

  int64_t end() const { return row + count; }
};

// Of x, in the forward pass
inline Meeting forward_meeting(int64_t output, int64_t stride, int64_t before, int64_t window, int64_t extent) {
  const int64_t begin = output * stride - before, first = std::max<int64_t>(0, begin);
  return {first - begin, 1, first, std::min(begin + window, extent) - first};
}
// Of dy, which has `outputs` rows, with a row of dx
inline Meeting backward_meeting(int64_t pixel, int64_t stride, int64_t before, int64_t window, int64_t outputs) {
  const int64_t from = pixel + before, end = std::min(from / stride + 1, outputs);
  const int64_t first = std::max<int64_t>(ceil_div(from - (window - 1), stride), 0);
  return {from - first * stride, -stride, first, std::max<int64_t>(end - first, 0)};
}

// Pointers to the pixels that meet a row of outputs, [rows][width]. Those outside the image point to zeros, so that taps need no bounds.
template <class T>
class PixelTable {
 public:
  int64_t width;

  // zeros [C]
  PixelTable(Scratch slot, int64_t rows, int64_t width, const T *zeros)
      : width(width), zeros_(zeros), pixels_(scratch_of<const T *>(slot, rows * width)) {}

  // Fills rows from `row` of an image on. Column 0 is `before` columns left of the image.
  void fill(const Pixels &at, const T *image, int64_t row, int64_t count, int64_t before) {
    const int64_t begin = std::clamp<int64_t>(before, 0, width), end = std::clamp(before + at.W, begin, width);
    for (int64_t r = 0; r < count; r++) {
      const T **to = pixels_ + r * width, *pixel = image + (row + r) * at.row + (begin - before) * at.pixel;
      std::fill(to, to + begin, zeros_);
      for (int64_t i = begin; i < end; i++, pixel += at.pixel) to[i] = pixel;
      std::fill(to + end, to + width, zeros_);
    }
  }
  // The same for pixels in any order. column(i): of the image, or a column outside it
  template <class Column>
  void fill_each(const Pixels &at, const T *image, int64_t row, int64_t count, const Column &column) {
    for (int64_t r = 0; r < count; r++) {
      for (int64_t i = 0; i < width; i++) {
        const int64_t w = column(i);
        pixels_[r * width + i] = w >= 0 && w < at.W ? image + (row + r) * at.row + w * at.pixel : zeros_;
      }
    }
  }
  const T *const *row(int64_t r) const { return pixels_ + r * width; }

 private:
  const T *zeros_;
  const T **pixels_;
};

template <class T>
const T *zeros_of(int64_t C) {
  T *zeros = scratch_of<T>(Scratch::zeros, C);
  std::fill_n(zeros, C, T{});
  return zeros;
}

// Weights [C,1,R,S] as [vectors][R*S][lanes], rounded as factors of images stored like that and multiplied by scale [C] or null; in
// scratch. turned: by 180 degrees
template <class V>
const float *by_vectors(const float *weight, int64_t C, int64_t taps, Storage storage, const float *scale, bool turned) {
  float *packed = scratch_of(Scratch::weights, ceil_div(C, lanes<V>) * taps * lanes<V>);
  for_vectors<V>(C, [&](int64_t vector, int64_t c) {
    for (int64_t tap = 0; tap < taps; tap++) {
      float *to = packed + (vector * taps + tap) * lanes<V>;
      const float *from = weight + c * taps + (turned ? taps - 1 - tap : tap);
      for (int lane = 0; lane < lanes<V>; lane++) to[lane] = as_factor(from[lane * taps], storage) * (scale ? scale[c + lane] : 1);
    }
  });
  return packed;
}

// Calls body(number) with S as a type if there is a loop of its own for it, otherwise body(0).
template <class Body>
auto with_known_width(int64_t S, const Body &body) {
  return S == 3   ? body(std::integral_constant<int, 3>{})
         : S == 5 ? body(std::integral_constant<int, 5>{})
         : S == 7 ? body(std::integral_constant<int, 7>{})
                  : body(std::integral_constant<int, 0>{});
}

}  // namespace
}  // namespace distill
