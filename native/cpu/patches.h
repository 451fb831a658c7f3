// The patch of an output pixel is the part of the image under its window, in the order (r, s, c): R rows of S*C floats, with zeros in the
// padding. Patches are gathered for one block of pixels at a time, into scratch that stays in the cache.
#pragma once

#include <algorithm>

#include "cpu/pairs.h"
#include "cpu/threads.h"
#include "cpu/vec.h"

namespace distill {
namespace {

enum class Scratch { patches, weights, planes, bias, partials, block, zeros, epilogue };

template <class T = float>
T *scratch_of(Scratch slot, int64_t floats) {
  return static_cast<T *>(scratch(static_cast<int>(slot), floats * int64_t(sizeof(T))));
}

// Patch (n, p, q) of image [N,H,W,C] begins at (p * stride + top, q * stride + left), which may be outside the image.
struct Patches {
  Floats image;
  int64_t H, W, C;
  int64_t P, Q;
  int64_t stride, top, left;
  int64_t R, S;

  int64_t size() const { return R * S * C; }
};

// Patches [rows, K] as [slabs][rows][lanes<V>], so that neighbours in a column are a constant distance apart. The last slab is zero-padded.
template <class V>
constexpr int64_t slabs(int64_t K) {
  return ceil_div(K, lanes<V>);
}

template <class V, class T>
inline void copy_run(const T *from, int64_t count, float *to) {
  int64_t i = 0;
  for (; i + lanes<V> <= count; i += lanes<V>) store(to + i, load<V>(from + i));
  for (; i < count; i++) to[i] = to_float(from[i]);
}

// Copies `count` vectors that are `step` apart to contiguous memory
template <class V, class T, class To>
inline void copy_vectors(const T *from, int64_t step, int64_t count, To *to) {
  for (int64_t i = 0; i < count; i++) store(to + i * lanes<V>, load<V>(from + i * step));
}

// Patches of outputs q ... q + count - 1 in row p of image n, for C a multiple of lanes<V>: each slab is a piece of an image row.
template <class V, class T, class To>
void gather_whole(const Patches &a, const T *image, int64_t n, int64_t p, int64_t q, int64_t count, To *out, int64_t slab) {
  for (int64_t r = 0; r < a.R; r++) {
    const int64_t h = p * a.stride + a.top + r;
    const T *row = h >= 0 && h < a.H ? image + (n * a.H + h) * a.W * a.C : nullptr;
    for (int64_t s = 0; s < a.S; s++) {
      const int64_t w = q * a.stride + a.left + s;  // of the first output; outputs [begin, end) are inside the image
      const int64_t begin = row ? std::clamp<int64_t>(ceil_div(-w, a.stride), 0, count) : count;
      const int64_t end = row ? std::clamp<int64_t>(ceil_div(a.W - w, a.stride), begin, count) : count;
      for (int64_t c = 0; c < a.C; c += lanes<V>, out += slab) {
        std::fill_n(out, begin * lanes<V>, To{});
        copy_vectors<V>(row + (w + begin * a.stride) * a.C + c, a.stride * a.C, end - begin, out + begin * lanes<V>);
        std::fill_n(out + end * lanes<V>, (count - end) * lanes<V>, To{});
      }
    }
  }
}

// The same for any C, one patch at a time through `row` [slabs * lanes], whose end is zero.
template <class V, class T>
void gather_any(const Patches &a, const T *image, int64_t n, int64_t p, int64_t q, int64_t count, float *row, float *out, int64_t slab) {
  for (int64_t i = 0; i < count; i++, out += lanes<V>) {
    const int64_t w = (q + i) * a.stride + a.left;
    const int64_t begin = std::clamp<int64_t>(-w, 0, a.S), end = std::clamp<int64_t>(a.W - w, begin, a.S);
    for (int64_t r = 0; r < a.R; r++) {
      const int64_t h = p * a.stride + a.top + r;
      float *to = row + r * a.S * a.C;
      if (h < 0 || h >= a.H || begin || end < a.S) std::fill_n(to, a.S * a.C, 0.0f);
      if (h >= 0 && h < a.H) copy_run<V>(image + ((n * a.H + h) * a.W + w + begin) * a.C, (end - begin) * a.C, to + begin * a.C);
    }
    for (int64_t k = 0; k < slabs<V>(a.size()); k++) store(out + k * slab, load<V>(row + k * lanes<V>));
  }
}

// Calls body(n, p, q, count, i) for runs of patches i ... i + count - 1 after `first`, all from one image row, starting at (n, p, q).
template <class Body>
void for_image_rows(const Patches &a, int64_t first, int64_t rows, const Body &body) {
  for (int64_t i = 0; i < rows;) {
    const int64_t q = (first + i) % a.Q, p = (first + i) / a.Q % a.P, n = (first + i) / (a.Q * a.P);
    const int64_t count = std::min(a.Q - q, rows - i);
    body(n, p, q, count, i);
    i += count;
  }
}

// Whether the channels of the image form whole vectors of pairs
template <class V>
bool has_pairs(const Patches &a) {
  return a.image.storage == Storage::bf16 && a.C % (2 * lanes<V>) == 0;
}
// Patches first ... first + rows - 1 of such an image, in the thread's scratch, as [slabs][rows][lanes<V>] pairs
template <class V>
const Pair *gather_pairs(Patches a, int64_t first, int64_t rows) {
  a.C /= 2;
  Pair *patches = scratch_of<Pair>(Scratch::patches, rows * a.size());
  for_image_rows(a, first, rows, [&](int64_t n, int64_t p, int64_t q, int64_t count, int64_t i) {
    gather_whole<V>(a, as_pairs(a.image.as_bf16()), n, p, q, count, patches + i * lanes<V>, rows * lanes<V>);
  });
  return patches;
}

// Patches first ... first + rows - 1, in the thread's scratch.
template <class V>
const float *gather(const Patches &a, int64_t first, int64_t rows) {
  const int64_t ld = slabs<V>(a.size()) * lanes<V>;
  float *patches = scratch_of(Scratch::patches, (rows + 1) * ld), *row = patches + rows * ld;
  std::fill(row + a.size(), row + ld, 0.0f);
  typed(a.image, [&](const auto *image) {
    for_image_rows(a, first, rows, [&](int64_t n, int64_t p, int64_t q, int64_t count, int64_t i) {
      if (a.C % lanes<V> == 0)
        gather_whole<V>(a, image, n, p, q, count, patches + i * lanes<V>, rows * lanes<V>);
      else
        gather_any<V>(a, image, n, p, q, count, row, patches + i * lanes<V>, rows * lanes<V>);
    });
  });
  return patches;
}

// The rows of a matrix [rows, columns] in slabs, with zeros past the last column; in the thread's scratch.
template <class V>
const float *rows_in_slabs(Floats matrix, int64_t rows, int64_t columns) {
  float *out = scratch_of(Scratch::block, slabs<V>(columns) * rows * lanes<V>);
  typed(matrix, [=](const auto *from) {
    for (int64_t row = 0; row < rows; row++, from += columns) {
      float *to = out + row * lanes<V>;
      for (int64_t c = 0; c < columns; c += lanes<V>, to += rows * lanes<V>)
        store(to, load_some<V>(from + c, std::min<int64_t>(lanes<V>, columns - c)));
    }
  });
  return out;
}

}  // namespace
}  // namespace distill
