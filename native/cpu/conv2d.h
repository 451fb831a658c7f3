// Convolution as matrix products, for any vector type V of vec.h; conv2d.<isa>.cpp instantiate it.
//
// The patch of an output pixel is what it sees of the image, in the order (r, s, c): for each of R rows a run of S*C floats, zeros where
// it reaches into the padding. Patches are gathered a block of pixels at a time into scratch that stays in cache, and then
//   forward          y [rows, O] = patches weight^T
//   backward input   dx = the same on dy with the weights turned round, once for each residue of the position modulo the stride
//   backward weight  dweight^T [O, R*S*C] = dy^T patches, summed over blocks
#pragma once

#include <algorithm>

#include "cpu/threads.h"
#include "cpu/vec.h"
#include "ops.h"

namespace distill {
namespace {

constexpr int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

enum class Scratch { patches, weights, bias, partials, block };

template <class T = float>
T *scratch_of(Scratch slot, int64_t floats) {
  return static_cast<T *>(scratch(static_cast<int>(slot), floats * int64_t(sizeof(T))));
}

// Patch (n, p, q) of image [N,H,W,C] begins at (p * stride + top, q * stride + left), which may lie outside.
struct Patches {
  const float *image;
  int64_t H, W, C;
  int64_t P, Q;
  int64_t stride, top, left;
  int64_t R, S;

  int64_t size() const { return R * S * C; }
};

// Patches [rows, K] as [slabs][rows][lanes<V>], so that neighbours in a column lie a constant distance apart; the last slab ends in zeros.
template <class V>
constexpr int64_t slabs(int64_t K) {
  return ceil_div(K, lanes<V>);
}

template <class V>
inline void copy_run(const float *from, int64_t count, float *to) {
  int64_t i = 0;
  for (; i + lanes<V> <= count; i += lanes<V>) store(to + i, load<V>(from + i));
  for (; i < count; i++) to[i] = from[i];
}

// `count` vectors, `step` floats apart, to neighbours; zeros where `from` is null
template <class V>
inline void copy_vectors(const float *from, int64_t step, int64_t count, float *to) {
  if (!from) {
    std::fill_n(to, count * lanes<V>, 0.0f);
    return;
  }
  for (int64_t i = 0; i < count; i++) store(to + i * lanes<V>, load<V>(from + i * step));
}

// Patches of outputs q ... q + count - 1 of row p of image n, where C is a multiple of lanes<V>: each slab is a piece of an image row.
template <class V>
void gather_whole(const Patches &a, int64_t n, int64_t p, int64_t q, int64_t count, float *out, int64_t slab) {
  for (int64_t r = 0; r < a.R; r++) {
    const int64_t h = p * a.stride + a.top + r;
    const float *row = h >= 0 && h < a.H ? a.image + (n * a.H + h) * a.W * a.C : nullptr;
    for (int64_t s = 0; s < a.S; s++) {
      const int64_t w = q * a.stride + a.left + s;  // of the first; [begin, end) lie in the image
      const int64_t begin = row ? std::clamp<int64_t>(ceil_div(-w, a.stride), 0, count) : count;
      const int64_t end = row ? std::clamp<int64_t>(ceil_div(a.W - w, a.stride), begin, count) : count;
      for (int64_t c = 0; c < a.C; c += lanes<V>, out += slab) {
        copy_vectors<V>(nullptr, 0, begin, out);
        copy_vectors<V>(row + (w + begin * a.stride) * a.C + c, a.stride * a.C, end - begin, out + begin * lanes<V>);
        copy_vectors<V>(nullptr, 0, count - end, out + end * lanes<V>);
      }
    }
  }
}

// The same for any C, one patch after the other by way of `row` [slabs * lanes], whose end is zero.
template <class V>
void gather_any(const Patches &a, int64_t n, int64_t p, int64_t q, int64_t count, float *row, float *out, int64_t slab) {
  for (int64_t i = 0; i < count; i++, out += lanes<V>) {
    const int64_t w = (q + i) * a.stride + a.left;
    const int64_t begin = std::clamp<int64_t>(-w, 0, a.S), end = std::clamp<int64_t>(a.W - w, begin, a.S);
    for (int64_t r = 0; r < a.R; r++) {
      const int64_t h = p * a.stride + a.top + r;
      float *to = row + r * a.S * a.C;
      if (h < 0 || h >= a.H || begin || end < a.S) std::fill_n(to, a.S * a.C, 0.0f);
      if (h >= 0 && h < a.H) copy_run<V>(a.image + ((n * a.H + h) * a.W + w + begin) * a.C, (end - begin) * a.C, to + begin * a.C);
    }
    for (int64_t k = 0; k < slabs<V>(a.size()); k++) store(out + k * slab, load<V>(row + k * lanes<V>));
  }
}

// Patches first ... first + rows - 1, in scratch of the thread.
template <class V>
const float *gather(const Patches &a, int64_t first, int64_t rows) {
  const int64_t ld = slabs<V>(a.size()) * lanes<V>;
  float *patches = scratch_of(Scratch::patches, (rows + 1) * ld), *row = patches + rows * ld;
  std::fill(row + a.size(), row + ld, 0.0f);
  for (int64_t i = 0; i < rows;) {
    const int64_t q = (first + i) % a.Q, p = (first + i) / a.Q % a.P, n = (first + i) / (a.Q * a.P);
    const int64_t count = std::min(a.Q - q, rows - i);
    if (a.C % lanes<V> == 0)
      gather_whole<V>(a, n, p, q, count, patches + i * lanes<V>, rows * lanes<V>);
    else
      gather_any<V>(a, n, p, q, count, row, patches + i * lanes<V>, rows * lanes<V>);
    i += count;
  }
  return patches;
}

// c [MR, NV vectors] += a(i) at a[i * distance] times NV vectors, `ldb` apart
template <class V, int MR, int NV, int distance>
inline void multiply(const float *a, const float *b, int64_t ldb, V (&c)[MR][NV]) {
  V row[NV];
#pragma GCC unroll 4
  for (int j = 0; j < NV; j++) row[j] = load<V>(b + j * ldb);
#pragma GCC unroll 24
  for (int i = 0; i < MR; i++) {
#pragma GCC unroll 4
    for (int j = 0; j < NV; j++) c[i][j] += a[i * distance] * row[j];
  }
}

// Tiles of 24 (16 lanes, 32 registers) or 12 (8 lanes, 16 registers) accumulators, at most 3 vectors wide.
constexpr int kVectors = 3;
template <class V, int NV>
constexpr int tile_rows = (lanes<V> == 16 ? 24 : 12) / NV;

// y [MR, columns] = bias + patches [MR of slab / lanes, K] panel [K, NV vectors]
template <class V, int MR, int NV>
[[gnu::noinline]] void forward_tile(int64_t K, const float *patches, int64_t slab, const float *panel, const float *bias, float *y,
                                    int64_t ldy, int64_t columns) {
  V c[MR][NV];
#pragma GCC unroll 24
  for (int i = 0; i < MR; i++) {
#pragma GCC unroll 4
    for (int j = 0; j < NV; j++) c[i][j] = load<V>(bias + j * lanes<V>);
  }
  for (; K > 0; K -= lanes<V>, patches += slab) {
    const int64_t steps = std::min<int64_t>(K, lanes<V>);
#pragma GCC unroll 2
    for (int64_t k = 0; k < steps; k++, panel += NV * lanes<V>) multiply<V, MR, NV, lanes<V>>(patches + k, panel, lanes<V>, c);
  }
#pragma GCC unroll 24
  for (int i = 0; i < MR; i++) {
    float row[NV * lanes<V>], *to = columns == NV * lanes<V> ? y + i * ldy : row;
#pragma GCC unroll 4
    for (int j = 0; j < NV; j++) store(to + j * lanes<V>, c[i][j]);
    if (to == row) copy_run<V>(row, columns, y + i * ldy);
  }
}

template <class V, int NV, int MR = tile_rows<V, NV>>
void forward_rows(int64_t rows, int64_t K, const float *patches, int64_t slab, const float *panel, const float *bias, float *y, int64_t ldy,
                  int64_t columns) {
  for (; rows >= MR; rows -= MR, patches += MR * lanes<V>, y += MR * ldy)
    forward_tile<V, MR, NV>(K, patches, slab, panel, bias, y, ldy, columns);
  if constexpr (MR > 1) {
    if (rows) forward_rows<V, NV, MR - 1>(rows, K, patches, slab, panel, bias, y, ldy, columns);
  }
}

// Weights as the right factor: value (r, s, inner, column) for taps r, s of a patch. Turned round (step < 0) they give dx.
struct Weights {
  const float *first;
  int64_t R, S, inner, columns;
  int64_t row_step, tap_step, inner_step, column_step;

  int64_t size() const { return R * S * inner; }
};

// Panels of kVectors vectors (the last may be narrower) of [K, width], zeros past the last column. Panel j begins at j * width * K.
template <class V>
float *pack(const Weights &a) {
  constexpr int64_t width = kVectors * lanes<V>;
  float *packed = scratch_of(Scratch::weights, ceil_div(a.columns, lanes<V>) * lanes<V> * a.size());
  parallel_for(ceil_div(a.columns, width), [&](int64_t index) {
    const int64_t columns = std::min(width, a.columns - index * width), ld = ceil_div(columns, lanes<V>) * lanes<V>;
    float *panel = packed + index * width * a.size();
    if (columns < ld) std::fill_n(panel, ld * a.size(), 0.0f);
    for (int64_t column = 0; column < columns; column++) {
      for (int64_t i = 0; i < a.inner; i++) {
        const float *from = a.first + (index * width + column) * a.column_step + i * a.inner_step;
        for (int64_t r = 0; r < a.R; r++) {
          for (int64_t s = 0; s < a.S; s++) panel[((r * a.S + s) * a.inner + i) * ld + column] = from[r * a.row_step + s * a.tap_step];
        }
      }
    }
  });
  return packed;
}

// y [rows, columns] = patches [rows, K] weights + bias (padded to whole vectors)
template <class V>
void forward_block(int64_t rows, const float *patches, int64_t K, const float *packed, const float *bias, int64_t columns, float *y) {
  constexpr int64_t width = kVectors * lanes<V>;
  for (int64_t first = 0; first < columns; first += width) {
    const int64_t wide = std::min(width, columns - first);
    const auto forward = wide > 2 * lanes<V> ? forward_rows<V, 3> : wide > lanes<V> ? forward_rows<V, 2> : forward_rows<V, 1>;
    forward(rows, K, patches, rows * lanes<V>, packed + first * K, bias + first, y + first, columns, wide);
  }
}

// Rows of patches that are worked on together: they fit the second-level cache, small ones the first.
constexpr int64_t block_rows(int64_t K) { return K <= 256 ? 48 : K <= 2304 ? 96 : 48; }

// Splits `rows` for parallel_for into whole blocks, several where they are little work.
struct Chunks {
  int64_t rows, block, per_chunk;

  Chunks(int64_t rows, int64_t K, int64_t columns) : rows(rows), block(block_rows(K)) {
    constexpr int64_t kWork = 1 << 21;
    per_chunk = block * std::clamp<int64_t>(kWork / std::max<int64_t>(block * K * columns, 1), 1, 16);
  }
  int64_t count() const { return ceil_div(rows, per_chunk); }
  template <class Body>  // body(first row, rows)
  void for_blocks(int64_t chunk, const Body &body) const {
    const int64_t end = std::min(rows, (chunk + 1) * per_chunk);
    for (int64_t first = chunk * per_chunk; first < end; first += block) body(first, std::min(block, end - first));
  }
};

template <class V>
const float *padded_bias(const float *bias, int64_t columns) {
  const int64_t size = ceil_div(columns, lanes<V>) * lanes<V>;
  float *padded = scratch_of(Scratch::bias, size);
  std::fill_n(padded, size, 0.0f);
  if (bias) std::copy_n(bias, columns, padded);
  return padded;
}

template <class V>
void conv2d_forward(const Conv2dForward &a) {
  const Patches patches{a.x, a.H, a.W, a.C, a.P, a.Q, a.stride, -a.padding, -a.padding, a.R, a.S};
  const float *weights = pack<V>({a.weight, a.R, a.S, a.C, a.O, a.S, 1, a.R * a.S, a.C * a.R * a.S});
  const float *bias = padded_bias<V>(a.bias, a.O);
  const Chunks chunks(a.N * a.P * a.Q, patches.size(), a.O);
  parallel_for(chunks.count(), [&](int64_t chunk) {
    chunks.for_blocks(chunk, [&](int64_t first, int64_t rows) {
      forward_block<V>(rows, gather<V>(patches, first, rows), patches.size(), weights, bias, a.O, a.y + first * a.O);
    });
  });
}

// Inputs h = i mod stride meet only the weights r = i + padding mod stride: R taps, the first of them (in turned order) at dy row
// h / stride + top.
struct Residue {
  int64_t count;       // inputs with this residue
  int64_t taps, last;  // how many weights, index of the greatest
  int64_t top;

  Residue(int64_t i, int64_t inputs, int64_t kernel, int64_t stride, int64_t padding) {
    const int64_t least = (i + padding) % stride;
    count = inputs > i ? ceil_div(inputs - i, stride) : 0;
    taps = least < kernel ? (kernel - 1 - least) / stride + 1 : 0;
    last = least + (taps - 1) * stride;
    top = (i + padding) / stride - (taps - 1);
  }
};

// rows [count, C] to pixels (stride * p + i, stride * q + j) of dx
template <class V>
void scatter(const float *rows, int64_t first, int64_t count, const Conv2dBackwardInput &a, int64_t P, int64_t Q, int64_t i, int64_t j) {
  for (int64_t row = first; row < first + count; row++, rows += a.C) {
    const int64_t n = row / (P * Q), h = row / Q % P * a.stride + i, w = row % Q * a.stride + j;
    copy_run<V>(rows, a.C, a.dx + ((n * a.H + h) * a.W + w) * a.C);
  }
}

template <class V>
void backward_residue(const Conv2dBackwardInput &a, int64_t i, int64_t j) {
  const Residue v(i, a.H, a.R, a.stride, a.padding), h(j, a.W, a.S, a.stride, a.padding);
  if (!v.count || !h.count) return;
  const Patches patches{a.dy, a.P, a.Q, a.O, v.count, h.count, 1, v.top, h.top, v.taps, h.taps};
  const float *weights =
      pack<V>({a.weight + v.last * a.S + h.last, v.taps, h.taps, a.O, a.C, -a.stride * a.S, -a.stride, a.C * a.R * a.S, a.R * a.S});
  const float *bias = padded_bias<V>(nullptr, a.C);
  const Chunks chunks(a.N * v.count * h.count, patches.size(), a.C);
  parallel_for(chunks.count(), [&](int64_t chunk) {
    chunks.for_blocks(chunk, [&](int64_t first, int64_t rows) {
      float *out = a.stride == 1 ? a.dx + first * a.C : scratch_of(Scratch::block, rows * a.C);
      forward_block<V>(rows, gather<V>(patches, first, rows), patches.size(), weights, bias, a.C, out);
      if (a.stride != 1) scatter<V>(out, first, rows, a, v.count, h.count, i, j);
    });
  });
}

template <class V>
void conv2d_backward_input(const Conv2dBackwardInput &a) {
  for (int64_t i = 0; i < a.stride; i++) {
    for (int64_t j = 0; j < a.stride; j++) backward_residue<V>(a, i, j);
  }
}

// sum [MR, NV vectors] += dy^T [MR, rows] patches [rows, NV slabs]
template <class V, int MR, int NV>
[[gnu::noinline]] void weight_tile(int64_t rows, const float *dy, int64_t O, const float *patches, float *sum, int64_t ldsum) {
  V c[MR][NV] = {};
#pragma GCC unroll 2
  for (int64_t row = 0; row < rows; row++) multiply<V, MR, NV, 1>(dy + row * O, patches + row * lanes<V>, rows * lanes<V>, c);
#pragma GCC unroll 24
  for (int i = 0; i < MR; i++) {
#pragma GCC unroll 4
    for (int j = 0; j < NV; j++) {
      float *to = sum + i * ldsum + j * lanes<V>;
      store(to, load<V>(to) + c[i][j]);
    }
  }
}

template <class V, int NV, int MR = tile_rows<V, NV>>
void weight_rows(int64_t count, int64_t rows, const float *dy, int64_t O, const float *patches, float *sum, int64_t ldsum) {
  for (; count >= MR; count -= MR, dy += MR, sum += MR * ldsum) weight_tile<V, MR, NV>(rows, dy, O, patches, sum, ldsum);
  if constexpr (MR > 1) {
    if (count) weight_rows<V, NV, MR - 1>(count, rows, dy, O, patches, sum, ldsum);
  }
}

// sum [O, K in whole vectors] += dy^T [O, rows] patches [rows, K]
template <class V>
void weight_block(int64_t rows, const float *dy, int64_t O, const float *patches, int64_t K, float *sum) {
  const int64_t vectors = slabs<V>(K);
  for (int64_t first = 0; first < vectors; first += kVectors) {
    const int64_t wide = std::min<int64_t>(kVectors, vectors - first);
    const auto weight = wide == 3 ? weight_rows<V, 3> : wide == 2 ? weight_rows<V, 2> : weight_rows<V, 1>;
    weight(O, rows, dy, O, patches + first * rows * lanes<V>, sum + first * lanes<V>, vectors * lanes<V>);
  }
}

// dweight is summed in `parts` ranges of rows, each into its own [units, O, ld]; a unit is all R rows of the kernel, or one where
// weights are so many that the ranges are few.
template <class V>
struct WeightSums {
  int64_t units, parts, rows, ld, block;
  Patches patches;  // of unit 0

  explicit WeightSums(const Conv2dBackwardWeight &a) : patches{a.x, a.H, a.W, a.C, a.P, a.Q, a.stride, -a.padding, -a.padding, a.R, a.S} {
    constexpr int64_t kFloats = 1 << 22;
    const int64_t M = a.N * a.P * a.Q;
    const int64_t most = std::clamp<int64_t>(kFloats / (a.O * patches.size()), 2, 16);
    units = most < 16 ? a.R : 1;
    patches.R = a.R / units;
    ld = ceil_div(patches.size(), lanes<V>) * lanes<V>;
    block = block_rows(patches.size());
    rows = ceil_div(ceil_div(M, most), block) * block;
    parts = ceil_div(M, rows);
  }
  Patches of_unit(int64_t unit) const {
    Patches result = patches;
    result.top += unit * patches.R;
    return result;
  }
};

// dweight[o] [C,R,S] = sums over the parts, in their order
template <class V>
void add_parts(const Conv2dBackwardWeight &a, const WeightSums<V> &plan, const float *sums, int64_t o) {
  float *total = scratch_of(Scratch::block, plan.ld);
  for (int64_t unit = 0; unit < plan.units; unit++) {
    std::fill_n(total, plan.ld, 0.0f);
    for (int64_t part = 0; part < plan.parts; part++) {
      const float *sum = sums + ((part * plan.units + unit) * a.O + o) * plan.ld;
      for (int64_t k = 0; k < plan.ld; k += lanes<V>) store(total + k, load<V>(total + k) + load<V>(sum + k));
    }
    float *to = a.dweight + o * a.C * a.R * a.S + unit * plan.patches.R * a.S;
    for (int64_t tap = 0; tap < plan.patches.R * a.S; tap++) {
      for (int64_t c = 0; c < a.C; c++) to[c * a.R * a.S + tap] = total[tap * a.C + c];
    }
  }
}

// dbias [O] = column sums of dy [rows, O]
inline void sum_columns(const float *dy, int64_t rows, int64_t O, float *dbias) {
  constexpr int64_t kRows = 1024;
  const int64_t chunks = ceil_div(rows, kRows);
  double *sums = scratch_of<double>(Scratch::bias, chunks * O);
  parallel_for(chunks, [&](int64_t chunk) {
    double *sum = sums + chunk * O;
    std::fill_n(sum, O, 0.0);
    for (int64_t row = chunk * kRows; row < std::min(rows, (chunk + 1) * kRows); row++) {
      for (int64_t o = 0; o < O; o++) sum[o] += dy[row * O + o];
    }
  });
  for (int64_t o = 0; o < O; o++) {
    double total = 0;
    for (int64_t chunk = 0; chunk < chunks; chunk++) total += sums[chunk * O + o];
    dbias[o] = float(total);
  }
}

template <class V>
void conv2d_backward_weight(const Conv2dBackwardWeight &a) {
  const WeightSums<V> plan(a);
  const int64_t M = a.N * a.P * a.Q;
  float *sums = scratch_of(Scratch::partials, plan.parts * plan.units * a.O * plan.ld);
  parallel_for(plan.parts * plan.units, [&](int64_t index) {
    const Patches patches = plan.of_unit(index % plan.units);
    float *sum = sums + index * a.O * plan.ld;
    std::fill_n(sum, a.O * plan.ld, 0.0f);
    const int64_t begin = index / plan.units * plan.rows, end = std::min(M, begin + plan.rows);
    for (int64_t first = begin; first < end; first += plan.block) {
      const int64_t rows = std::min(plan.block, end - first);
      weight_block<V>(rows, a.dy + first * a.O, a.O, gather<V>(patches, first, rows), patches.size(), sum);
    }
  });
  parallel_for(a.O, [&](int64_t o) { add_parts(a, plan, sums, o); });
  if (a.dbias) sum_columns(a.dy, M, a.O, a.dbias);
}

}  // namespace
}  // namespace distill
