// The three ops of convolution for any vector type V of vec.h, instantiated in conv2d.<isa>.cpp.
//
//   forward          y  = patches of x times weight^T, by Winograd's method where it fits, by dot products for few patches
//   backward input   dx = the same on dy with the filter flipped, once for each residue of the position modulo the stride
//   backward weight  dweight^T [O, R*S*C] = dy^T patches, summed over blocks, or by Winograd's method
//
// Images [H,W,N,C] are there for tiles alone; here they are left to the scalar reference.
#pragma once

#include <algorithm>
#include <cmath>

#include "cpu/convolve.h"
#include "cpu/dots.h"
#include "cpu/patches.h"
#include "cpu/products.h"
#include "cpu/threads.h"
#include "cpu/variants.h"
#include "cpu/vec.h"
#include "cpu/winograd.h"
#include "ops.h"

namespace distill {
namespace {

// F: the type of the factors for images in bf16.
template <class V, class F>
void convolve(const Patches &patches, int64_t N, const FilterOperand &filter, const float *bias, const Output &out) {
  if (out.step == 1 && winograd_fits<V>(patches, filter.columns)) return convolve_by_winograd<V>(patches, N, filter, bias, out);
  if constexpr (per_factor<F> == 2) {
    if (has_pairs<V>(patches)) return convolve_by_patches<V, Pair>(patches, N, filter, bias, out);
  }
  convolve_by_patches<V, float>(patches, N, filter, bias, out);
}

// Dot products need whole vectors along a patch. Where Winograd's method fits, they pay off only for half as many patches. They are used
// only for a single image: in a batch the bits of an image must not depend on the batch size, so that a teacher's answers can be cached.
template <class V>
bool dots_fit(const Patches &patches, int64_t N, int64_t columns) {
  const int64_t few = winograd_fits<V>(patches, columns) ? kFewPatches / 2 : kFewPatches;
  return N == 1 && patches.P * patches.Q <= few && patches.size() % lanes<V> == 0;
}

template <class V>
void convolve_by_dots(const Conv2dForward &a, const Patches &patches, const Epilogue &epilogue) {
  const int64_t rows = a.N * a.P * a.Q;
  float *y = a.y.storage == Storage::f32 ? a.y.f32() : scratch_of(Scratch::planes, rows * a.O);
  convolve_by_dots<V>(patches, a.N, a.weight, a.bias, a.O, y);
  if (epilogue) apply_epilogue<V>(epilogue, y, 0, rows, a.O);
  if (a.y.storage == Storage::bf16) convert_run<V>(y, rows * a.O, a.y.as_bf16());
}

template <class V, class F = float>
void conv2d_forward(const Conv2dForward &a, const Epilogue &epilogue = {}) {
  if (a.hwnc) return scalar::conv2d_forward(a);
  const Patches patches{a.x, a.H, a.W, a.C, a.P, a.Q, a.stride, -a.top, -a.left, a.R, a.S};
  if (dots_fit<V>(patches, a.N, a.O)) return convolve_by_dots<V>(a, patches, epilogue);
  const FilterOperand filter{a.weight, a.R, a.S, a.C, a.O, a.S, 1, a.R * a.S, a.C * a.R * a.S};
  convolve<V, F>(patches, a.N, filter, a.bias, {a.y, a.P, a.Q, 1, 0, 0, epilogue});
}

// In scratch, padded to 32 columns
inline Epilogue epilogue_of(const BatchNormForwardEval &norm) {
  const int64_t width = ceil_div(norm.C, 32) * 32;
  float *mean = scratch_of(Scratch::epilogue, 3 * width), *scale = mean + width, *bias = scale + width;
  std::fill_n(mean, 3 * width, 0.0f);
  for (int64_t c = 0; c < norm.C; c++) {
    mean[c] = norm.running_mean[c];
    scale[c] = float(1 / std::sqrt(double(norm.running_var[c]) + norm.eps)) * norm.weight[c];
    bias[c] = norm.bias[c];
  }
  return {mean, scale, bias, norm.residual, norm.activation};
}

template <class V, class F = float>
void conv2d_norm_forward(const Conv2dNormForward &a) {
  if (a.conv.hwnc) return scalar::conv2d_norm_forward(a);
  conv2d_forward<V, F>(a.conv, epilogue_of(a.norm));
}

// Inputs at h = i mod stride meet only the weights at r = i + padding mod stride. The first of these taps, in flipped order, is at dy row
// h / stride + top.
struct Residue {
  int64_t count;       // number of inputs with this residue, at least 1
  int64_t taps, last;  // number of weights, index of the last
  int64_t top;

  Residue(int64_t i, int64_t inputs, int64_t kernel, int64_t stride, int64_t padding) {
    const int64_t least = (i + padding) % stride;
    count = ceil_div(inputs - i, stride);
    taps = least < kernel ? (kernel - 1 - least) / stride + 1 : 0;
    last = least + (taps - 1) * stride;
    top = (i + padding) / stride - (taps - 1);
  }
};

template <class V, class F>
void backward_residue(const Conv2dBackwardInput &a, int64_t i, int64_t j) {
  const Residue v(i, a.H, a.R, a.stride, a.top), h(j, a.W, a.S, a.stride, a.left);
  const Patches patches{a.dy, a.P, a.Q, a.O, v.count, h.count, 1, v.top, h.top, v.taps, h.taps};
  const FilterOperand flipped{
      a.weight + v.last * a.S + h.last, v.taps, h.taps, a.O, a.C, -a.stride * a.S, -a.stride, a.C * a.R * a.S, a.R * a.S};
  convolve<V, F>(patches, a.N, flipped, nullptr, {a.dx, a.H, a.W, a.stride, i, j});
}

template <class V, class F = float>
void conv2d_backward_input(const Conv2dBackwardInput &a) {
  if (a.hwnc) return scalar::conv2d_backward_input(a);
  for (int64_t i = 0; i < std::min(a.stride, a.H); i++) {
    for (int64_t j = 0; j < std::min(a.stride, a.W); j++) backward_residue<V, F>(a, i, j);
  }
}

// dweight is summed in `parts` ranges of rows, each into its own [units, outputs, ld], where outputs and ld are whole vectors. A unit is
// all R rows of the kernel, or one row where large weights allow only few ranges.
template <class V>
struct WeightSums {
  int64_t units, parts, rows, outputs, ld, block;
  Patches patches;  // of unit 0

  explicit WeightSums(const Conv2dBackwardWeight &a) : patches{a.x, a.H, a.W, a.C, a.P, a.Q, a.stride, -a.top, -a.left, a.R, a.S} {
    constexpr int64_t kFloats = 1 << 22;
    const int64_t M = a.N * a.P * a.Q;
    const int64_t most = std::clamp<int64_t>(kFloats / (a.O * patches.size()), 2, 16);
    units = most < 16 ? a.R : 1;
    patches.R = a.R / units;
    outputs = slabs<V>(a.O) * lanes<V>;
    ld = slabs<V>(patches.size()) * lanes<V>;
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

// dweight[o] [C,R,S] = sums over the parts, in order
template <class V>
void add_parts(const Conv2dBackwardWeight &a, const WeightSums<V> &plan, const float *sums, int64_t o) {
  float *total = scratch_of(Scratch::block, plan.ld);
  for (int64_t unit = 0; unit < plan.units; unit++) {
    std::fill_n(total, plan.ld, 0.0f);
    for (int64_t part = 0; part < plan.parts; part++) {
      const float *sum = sums + ((part * plan.units + unit) * plan.outputs + o) * plan.ld;
      for (int64_t k = 0; k < plan.ld; k += lanes<V>) store(total + k, load<V>(total + k) + load<V>(sum + k));
    }
    float *to = a.dweight + o * a.C * a.R * a.S + unit * plan.patches.R * a.S;
    for (int64_t tap = 0; tap < plan.patches.R * a.S; tap++) {
      for (int64_t c = 0; c < a.C; c++) to[c * a.R * a.S + tap] = total[tap * a.C + c];
    }
  }
}

// dbias [O] = column sums of dy [rows, O]
inline void sum_columns(Floats dy, int64_t rows, int64_t O, float *dbias) {
  constexpr int64_t kRows = 1024;
  const int64_t chunks = ceil_div(rows, kRows);
  double *sums = scratch_of<double>(Scratch::bias, chunks * O);
  parallel_for(chunks, [&](int64_t chunk) {
    double *sum = sums + chunk * O;
    std::fill_n(sum, O, 0.0);
    typed(dy, [&](const auto *from) {
      for (int64_t row = chunk * kRows; row < std::min(rows, (chunk + 1) * kRows); row++) {
        for (int64_t o = 0; o < O; o++) sum[o] += to_float(from[row * O + o]);
      }
    });
  });
  for (int64_t o = 0; o < O; o++) {
    double total = 0;
    for (int64_t chunk = 0; chunk < chunks; chunk++) total += sums[chunk * O + o];
    dbias[o] = float(total);
  }
}

template <class V>
void weight_gradient_by_patches(const Conv2dBackwardWeight &a) {
  const WeightSums<V> plan(a);
  const int64_t M = a.N * a.P * a.Q;
  float *sums = scratch_of(Scratch::partials, plan.parts * plan.units * plan.outputs * plan.ld);
  parallel_for(plan.parts * plan.units, [&](int64_t index) {
    const Patches patches = plan.of_unit(index % plan.units);
    float *sum = sums + index * plan.outputs * plan.ld;
    std::fill_n(sum, plan.outputs * plan.ld, 0.0f);
    const int64_t begin = index / plan.units * plan.rows, end = std::min(M, begin + plan.rows);
    for (int64_t first = begin; first < end; first += plan.block) {
      const int64_t rows = std::min(plan.block, end - first);
      const float *dy = rows_in_slabs<V>(a.dy + first * a.O, rows, a.O), *x = gather<V>(patches, first, rows);
      weight_block<V>(rows, rows * lanes<V>, dy, plan.outputs, x, patches.size(), sum, plan.ld);
    }
  });
  parallel_for(a.O, [&](int64_t o) { add_parts(a, plan, sums, o); });
}

template <class V>
void conv2d_backward_weight(const Conv2dBackwardWeight &a) {
  if (a.hwnc) return scalar::conv2d_backward_weight(a);
  const Patches patches{a.x, a.H, a.W, a.C, a.P, a.Q, a.stride, -a.top, -a.left, a.R, a.S};
  if (winograd_fits<V>(patches, a.O))
    weight_gradient_by_winograd<V>(patches, a);
  else
    weight_gradient_by_patches<V>(a);
  if (a.dbias) sum_columns(a.dy, a.N * a.P * a.Q, a.O, a.dbias);
}

}  // namespace
}  // namespace distill
