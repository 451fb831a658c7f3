// Turns stored bytes into a network's input: crop, flip, resize, normalise, blend.
#include <algorithm>
#include <array>
#include <utility>

#include "cpu/philox.h"
#include "cpu/threads.h"
#include "cpu/variants.h"
#include "resampling.h"

namespace distill::scalar {
namespace {

// ---- Normalisation -------------------------------------------------------------------------------------------------------------------

// (byte / 255 - mean) / std for every byte and channel.
using NormaliseTable = std::array<std::array<float, 256>, 3>;

NormaliseTable normalise_table(const float (&mean)[3], const float (&std)[3]) {
  NormaliseTable table;
  for (size_t c = 0; c < 3; ++c)
    for (size_t byte = 0; byte < 256; ++byte) table[c][byte] = (static_cast<float>(byte) / 255 - mean[c]) / std[c];
  return table;
}

void normalise(const uint8_t *bytes, int64_t pixels, const NormaliseTable &table, float *y) {
  for (int64_t i = 0; i < pixels; ++i)
    for (size_t c = 0; c < 3; ++c) y[3 * i + static_cast<int64_t>(c)] = table[c][bytes[3 * i + static_cast<int64_t>(c)]];
}

// Stores in y the `size` floats that write(float *) produces: few enough that they are still in the cache when they are rounded.
template <class Write>
void write_run(FloatsOut y, int64_t size, const Write &write) {
  if (y.storage == Storage::f32) return write(y.f32());
  float *run = static_cast<float *>(scratch(3, size * static_cast<int64_t>(sizeof(float))));
  write(run);
  for (int64_t i = 0; i < size; ++i) y.as_bf16()[i] = to_bf16(run[i]);
}

// ---- Resizing ------------------------------------------------------------------------------------------------------------------------

// One row of the horizontal pass: x [W,3] -> y [Z,3]
void resample_columns(const float *x, const Resampling &r, int64_t Z, float *y) {
  for (int64_t z = 0; z < Z; ++z) {
    const float *weights = r.weights_of(z), *from = x + 3 * r.first[static_cast<size_t>(z)];
    float sum[3] = {};
    for (int64_t tap = 0; tap < r.taps; ++tap)
      for (int64_t c = 0; c < 3; ++c) sum[c] += weights[tap] * from[3 * tap + c];
    std::copy_n(sum, 3, y + 3 * z);
  }
}

// Row z of the vertical pass: x [rows, width] -> y [width]
void resample_row(const float *x, const Resampling &r, int64_t z, int64_t width, float *__restrict y) {
  bool first = true;
  for (int64_t tap = 0; tap < r.taps; ++tap) {
    const float weight = r.weights_of(z)[tap];
    if (weight == 0) continue;
    const float *__restrict from = x + (r.first[static_cast<size_t>(z)] + tap) * width;
    if (std::exchange(first, false))
      for (int64_t i = 0; i < width; ++i) y[i] = weight * from[i];
    else
      for (int64_t i = 0; i < width; ++i) y[i] += weight * from[i];
  }
}

// Rows y [Z,Z,3] of an image [H,W,3], normalised. Normalising first gives the same result, because the weights sum to 1.
void resize(const uint8_t *image, int64_t H, int64_t W, const NormaliseTable &table, const Resampling &columns, const Resampling &rows,
            int64_t Z, FloatsOut y) {
  float *line = static_cast<float *>(scratch(1, W * 3 * static_cast<int64_t>(sizeof(float))));
  float *narrowed = static_cast<float *>(scratch(2, H * Z * 3 * static_cast<int64_t>(sizeof(float))));  // [H,Z,3]
  for (int64_t h = 0; h < H; ++h) {
    normalise(image + h * W * 3, W, table, line);
    resample_columns(line, columns, Z, narrowed + h * Z * 3);
  }
  for (int64_t z = 0; z < Z; ++z) {
    write_run(y + z * Z * 3, Z * 3, [&](float *row) { resample_row(narrowed, rows, z, Z * 3, row); });
  }
}

// ---- Augmentation --------------------------------------------------------------------------------------------------------------------

struct View {
  int64_t top, left;  // of the crop, in the unpadded image: -crop ... crop
  bool flip;
};

struct Rectangle {
  int64_t top, left, height, width;

  static Rectangle at(const int32_t *rows, int64_t n) { return {rows[4 * n], rows[4 * n + 1], rows[4 * n + 2], rows[4 * n + 3]}; }
  // The part of a line of that length, from begin, that it covers.
  static int64_t first(int64_t begin) { return std::max<int64_t>(0, begin); }
  static int64_t end(int64_t begin, int64_t extent, int64_t length) { return std::min(length, begin + extent); }
};

View random_view(const SampleViews &a, int32_t sample) {
  constexpr uint32_t kView = 0x76696577;
  const Philox bits = philox(a.seed, philox_counter(static_cast<uint32_t>(sample), kView, a.epoch));
  const auto offset = [&](uint32_t random) {
    return static_cast<int64_t>(uint64_t{random} * static_cast<uint64_t>(2 * a.crop + 1) >> 32) - a.crop;
  };
  return {offset(bits[0]), offset(bits[1]), a.flip && (bits[2] & 1)};
}

View view_at(const int32_t *views, int64_t n) {
  if (!views) return {0, 0, false};
  return {views[3 * n], views[3 * n + 1], views[3 * n + 2] != 0};
}

// y [h,w,3]: the view of an image [H,W,3], zeros beyond its border
void crop_and_flip(const uint8_t *image, int64_t H, int64_t W, const View &view, int64_t height, int64_t width, uint8_t *y) {
  std::fill_n(y, height * width * 3, uint8_t{0});
  const int64_t left = std::max<int64_t>(0, -view.left), right = std::min(width, W - view.left);  // columns of y that the image covers
  if (left >= right) return;                                                                      // all beyond the border
  for (int64_t h = std::max<int64_t>(0, -view.top); h < std::min(height, H - view.top); ++h) {
    const uint8_t *from = image + ((h + view.top) * W + view.left + left) * 3;
    uint8_t *row = y + h * width * 3;
    if (!view.flip) {
      std::copy_n(from, (right - left) * 3, row + left * 3);
    } else {
      for (int64_t w = left; w < right; ++w) std::copy_n(from + (w - left) * 3, 3, row + (width - 1 - w) * 3);
    }
  }
}

// Zeros in a rectangle of y [height,width,3]
void erase(const Rectangle &erased, int64_t height, int64_t width, uint8_t *y) {
  const int64_t left = Rectangle::first(erased.left), right = Rectangle::end(erased.left, erased.width, width);
  if (left >= right) return;
  for (int64_t h = Rectangle::first(erased.top); h < Rectangle::end(erased.top, erased.height, height); ++h)
    std::fill_n(y + (h * width + left) * 3, (right - left) * 3, uint8_t{0});
}

}  // namespace

void assemble_batch(const AssembleBatch &a) {
  const NormaliseTable table = normalise_table(a.mean, a.std);
  const Resampling columns = bilinear(a.W, a.Z), rows = bilinear(a.H, a.Z);
  parallel_for(a.N, [&](int64_t n) {
    const int64_t height = a.sizes ? std::clamp<int64_t>(a.sizes[2 * n], 1, a.H) : a.H;
    const int64_t width = a.sizes ? std::clamp<int64_t>(a.sizes[2 * n + 1], 1, a.W) : a.W;
    uint8_t *view = static_cast<uint8_t *>(scratch(0, a.H * a.W * 3));
    crop_and_flip(a.images + a.indices[n] * a.H * a.W * 3, a.H, a.W, view_at(a.views, n), height, width, view);
    if (a.erased) erase(Rectangle::at(a.erased, n), height, width, view);
    const FloatsOut y = a.y + n * a.Z * a.Z * 3;
    if (height == a.Z && width == a.Z)
      write_run(y, height * width * 3, [&](float *image) { normalise(view, height * width, table, image); });
    else if (height == a.H && width == a.W)
      resize(view, height, width, table, columns, rows, a.Z, y);
    else
      resize(view, height, width, table, bilinear(width, a.Z), bilinear(height, a.Z), a.Z, y);
  });
}

void blend(const Blend &op) {
  const int64_t size = op.H * op.W * op.C;
  parallel_for(op.N, [&](int64_t n) {
    const Floats a = op.a + n * size, b = op.b + n * size;
    const FloatsOut y = op.y + n * size;
    const float share = op.shares[n];
    const auto mix = [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) y[i] = share * a[i] + (1 - share) * b[i];
    };
    if (!op.boxes) return mix(0, size);
    for (int64_t i = 0; i < size; ++i) y[i] = a[i];
    const Rectangle box = Rectangle::at(op.boxes, n);
    const int64_t left = Rectangle::first(box.left), right = Rectangle::end(box.left, box.width, op.W);
    for (int64_t h = Rectangle::first(box.top); h < Rectangle::end(box.top, box.height, op.H); ++h)
      mix((h * op.W + left) * op.C, (h * op.W + right) * op.C);
  });
}

void sample_views(const SampleViews &a) {
  for (int64_t n = 0; n < a.N; ++n) {
    const View view = random_view(a, static_cast<int32_t>(n));
    a.y[3 * n] = static_cast<int32_t>(view.top);
    a.y[3 * n + 1] = static_cast<int32_t>(view.left);
    a.y[3 * n + 2] = view.flip;
  }
}

}  // namespace distill::scalar
