// Turns stored bytes into a network's input: crop, flip, resize, normalise, blend; one thread per output value. Images stay in device
// memory.
#include "cuda/elementwise.cuh"
#include "cuda/launchers.h"
#include "cuda/philox.cuh"
#include "cuda/workspace.h"
#include "resampling.h"

namespace distill::cuda {

namespace {

// A Resampling in device memory.
struct Taps {
  int64_t count;
  const int64_t *first;
  const float *weights;
};

struct Grid {
  Taps columns, rows;
};

template <class T>
const T *place(std::byte *&at, const std::vector<T> &values) {
  const T *placed = reinterpret_cast<const T *>(at);
  gpu::upload(at, values.data(), static_cast<int64_t>(values.size() * sizeof(T)));
  at += (values.size() * sizeof(T) + 15) / 16 * 16;
  return placed;
}

Grid upload(const Resampling &columns, const Resampling &rows) {
  const auto room = [](const Resampling &r) { return r.first.size() * sizeof(int64_t) + r.weights.size() * sizeof(float) + 32; };
  auto *at = static_cast<std::byte *>(gpu::workspace(static_cast<int64_t>(room(columns) + room(rows))));
  Grid grid{{columns.taps, nullptr, nullptr}, {rows.taps, nullptr, nullptr}};
  grid.columns.first = place(at, columns.first);
  grid.columns.weights = place(at, columns.weights);
  grid.rows.first = place(at, rows.first);
  grid.rows.weights = place(at, rows.weights);
  return grid;
}

struct View {
  int64_t top, left;  // of the crop, in the unpadded image: -crop ... crop
  bool flip;
};

__device__ inline View random_view(const SampleViews &a, int32_t sample) {
  constexpr uint32_t kView = 0x76696577;
  const gpu::Philox bits = gpu::philox(a.seed, gpu::philox_counter(static_cast<uint32_t>(sample), kView, a.epoch));
  const uint64_t places = static_cast<uint64_t>(2 * a.crop + 1);
  return {static_cast<int64_t>(uint64_t{bits.of[0]} * places >> 32) - a.crop,
          static_cast<int64_t>(uint64_t{bits.of[1]} * places >> 32) - a.crop, a.flip && (bits.of[2] & 1)};
}

__device__ inline View view_at(const int32_t *views, int64_t n) {
  if (!views) return {0, 0, false};
  return {views[3 * n], views[3 * n + 1], views[3 * n + 2] != 0};
}

struct Rectangle {
  int64_t top, left, height, width;

  __device__ bool holds(int64_t h, int64_t w) const { return h >= top && h < top + height && w >= left && w < left + width; }
};

// Row n of rectangles [N,4]; empty without them.
__device__ inline Rectangle rectangle_at(const int32_t *rows, int64_t n) {
  if (!rows) return {0, 0, 0, 0};
  return {rows[4 * n], rows[4 * n + 1], rows[4 * n + 2], rows[4 * n + 3]};
}

struct Size {
  int64_t height, width;
};

__device__ inline int64_t clamped(int64_t value, int64_t most) { return value < 1 ? 1 : value < most ? value : most; }

__device__ inline Size size_at(const AssembleBatch &a, int64_t n) {
  if (!a.sizes) return {a.H, a.W};
  return {clamped(a.sizes[2 * n], a.H), clamped(a.sizes[2 * n + 1], a.W)};
}

struct Picture {
  const uint8_t *bytes;  // [H,W,3]
  int64_t H, W;
  View view;
  Size size;  // of the crop
  Rectangle erased;

  // Zero beyond the border.
  __device__ float at(int64_t h, int64_t w, int64_t c) const {
    const int64_t from_h = h + view.top, from_w = (view.flip ? size.width - 1 - w : w) + view.left;
    const bool inside = from_h >= 0 && from_h < H && from_w >= 0 && from_w < W && !erased.holds(h, w);
    return inside ? static_cast<float>(bytes[(from_h * W + from_w) * 3 + c]) : 0.0f;
  }
};

// Value c of output pixel (p, q), normalised. Normalising first gives the same result, because the weights sum to 1.
__device__ inline float resized(const Picture &picture, const Grid &grid, int64_t p, int64_t q, int64_t c, float mean, float std) {
  float sum = 0;
  for (int64_t i = 0; i < grid.rows.count; i++) {
    float row = 0;
    for (int64_t j = 0; j < grid.columns.count; j++) {
      const float value = picture.at(grid.rows.first[p] + i, grid.columns.first[q] + j, c);
      row += grid.columns.weights[q * grid.columns.count + j] * ((value / 255 - mean) / std);
    }
    sum += grid.rows.weights[p * grid.rows.count + i] * row;
  }
  return sum;
}

// The same for crops of different sizes, whose weights are not uploaded.
__device__ inline float resized(const Picture &picture, int64_t Z, int64_t p, int64_t q, int64_t c, float mean, float std) {
  const Triangle rows(picture.size.height, Z, p), columns(picture.size.width, Z, q);
  float sum = 0;
  for (int64_t h = rows.low; h < rows.high; h++) {
    float row = 0;
    for (int64_t w = columns.low; w < columns.high; w++) row += columns.weight(w) * ((picture.at(h, w, c) / 255 - mean) / std);
    sum += rows.weight(h) * row;
  }
  return sum;
}

// Calls show(picture, i, p, q, c) for every value i of y: channel c of pixel (p, q) of a picture.
template <class Show>
void for_each_value(const AssembleBatch &a, Show show) {
  for_each(a.N * a.Z * a.Z * 3, [=] __device__(int64_t i) {
    const int64_t c = i % 3, q = i / 3 % a.Z, p = i / 3 / a.Z % a.Z, n = i / 3 / a.Z / a.Z;
    const uint8_t *image = a.images + a.indices[n] * (a.H * a.W * 3);
    show({image, a.H, a.W, view_at(a.views, n), size_at(a, n), rectangle_at(a.erased, n)}, i, p, q, c);
  });
}

}  // namespace

void assemble_batch(const AssembleBatch &a) {
  if (a.sizes) {
    for_each_value(a, [=] __device__(const Picture &picture, int64_t i, int64_t p, int64_t q, int64_t c) {
      a.y[i] = resized(picture, a.Z, p, q, c, a.mean[c], a.std[c]);
    });
    return;
  }
  const Grid grid = upload(bilinear(a.W, a.Z), bilinear(a.H, a.Z));
  for_each_value(a, [=] __device__(const Picture &picture, int64_t i, int64_t p, int64_t q, int64_t c) {
    a.y[i] = resized(picture, grid, p, q, c, a.mean[c], a.std[c]);
  });
}

void blend(const Blend &a) {
  const int64_t row = a.W * a.C, size = a.H * row;
  for_each(a.N * size, [=] __device__(int64_t i) {
    const int64_t n = i / size, h = i % size / row, w = i % row / a.C;
    const float share = a.boxes && !rectangle_at(a.boxes, n).holds(h, w) ? 1.0f : a.shares[n];
    a.y[i] = share == 1.0f ? float{a.a[i]} : share * a.a[i] + (1 - share) * a.b[i];
  });
}

void sample_views(const SampleViews &a) {
  for_each(a.N, [=] __device__(int64_t n) {
    const View view = random_view(a, static_cast<int32_t>(n));
    a.y[3 * n] = static_cast<int32_t>(view.top);
    a.y[3 * n + 1] = static_cast<int32_t>(view.left);
    a.y[3 * n + 2] = view.flip;
  });
}

}  // namespace distill::cuda
