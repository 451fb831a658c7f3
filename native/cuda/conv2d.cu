// Convolutions as products whose factor a is read from the image where it lies (implicit GEMM). Weights are first turned so that a row of
// the product's factor b lies in one piece.
#include "cuda/columns.cuh"
#include "cuda/divide.cuh"
#include "cuda/elementwise.cuh"
#include "cuda/launchers.h"
#include "cuda/product.cuh"

namespace distill::cuda {

namespace {

using gpu::Divisor;

// ---- Patches: row (n, p, q), k (r, s, c)

struct Position {
  int32_t n, h, w;
};
struct Tap {
  int32_t r, s, c;
};

// k in the order (r, s, channel).
struct Taps {
  Divisor channels, wide;
  __device__ Tap at(uint32_t k) const {
    uint32_t tap = channels.split(k);
    const auto r = static_cast<int32_t>(wide.split(tap));
    return {r, static_cast<int32_t>(tap), static_cast<int32_t>(k)};
  }
};

template <class Conv2d>
struct Geometry {
  Divisor pixels, width;
  Taps taps;
  int32_t H, W, C, stride, padding;

  explicit Geometry(const Conv2d &a)
      : pixels(a.P * a.Q),
        width(a.Q),
        taps{Divisor(a.C), Divisor(a.S)},
        H(static_cast<int32_t>(a.H)),
        W(static_cast<int32_t>(a.W)),
        C(static_cast<int32_t>(a.C)),
        stride(static_cast<int32_t>(a.stride)),
        padding(static_cast<int32_t>(a.padding)) {}

  // Of the window's corner in the image.
  __device__ Position corner(uint32_t pixel) const {
    const auto n = static_cast<int32_t>(pixels.split(pixel));
    const auto p = static_cast<int32_t>(width.split(pixel));
    return {n, p * stride - padding, static_cast<int32_t>(pixel) * stride - padding};
  }
  __device__ float at(Floats x, const Position &corner, const Tap &tap) const {
    const int32_t h = corner.h + tap.r, w = corner.w + tap.s;
    if (static_cast<uint32_t>(h) >= static_cast<uint32_t>(H) || static_cast<uint32_t>(w) >= static_cast<uint32_t>(W)) return 0;
    return x[((int64_t{corner.n} * H + h) * W + w) * C + tap.c];
  }
};

struct Patches {
  static constexpr bool kAlongK = true;
  using Row = Position;
  using Column = Tap;
  Floats x;
  Geometry<Conv2dForward> geometry;
  __device__ Row row(uint32_t row) const { return geometry.corner(row); }
  __device__ Column column(uint32_t k) const { return geometry.taps.at(k); }
  __device__ float at(const Row &row, const Column &column) const { return geometry.at(x, row, column); }
};

// The same with rows and k exchanged.
struct TurnedPatches {
  static constexpr bool kAlongK = false;
  using Row = Tap;
  using Column = Position;
  Floats x;
  Geometry<Conv2dBackwardWeight> geometry;
  __device__ Row row(uint32_t row) const { return geometry.taps.at(row); }
  __device__ Column column(uint32_t k) const { return geometry.corner(k); }
  __device__ float at(const Row &row, const Column &column) const { return geometry.at(x, column, row); }
};

// ---- Gradients that reach a pixel: row (n, h, w), k (r, s, o)

struct Reaching {
  static constexpr bool kAlongK = true;
  using Row = Position;
  using Column = Tap;
  Floats dy;
  Divisor pixels, width;
  Taps taps;
  Divisor stride;
  int32_t P, Q, O, padding;

  explicit Reaching(const Conv2dBackwardInput &a)
      : dy(a.dy),
        pixels(a.H * a.W),
        width(a.W),
        taps{Divisor(a.O), Divisor(a.S)},
        stride(a.stride),
        P(static_cast<int32_t>(a.P)),
        Q(static_cast<int32_t>(a.Q)),
        O(static_cast<int32_t>(a.O)),
        padding(static_cast<int32_t>(a.padding)) {}

  __device__ Row row(uint32_t pixel) const {
    const auto n = static_cast<int32_t>(pixels.split(pixel));
    const auto h = static_cast<int32_t>(width.split(pixel));
    return {n, h + padding, static_cast<int32_t>(pixel) + padding};
  }
  __device__ Column column(uint32_t k) const { return taps.at(k); }
  __device__ float at(const Row &row, const Column &tap) const {
    const int32_t h = row.h - tap.r, w = row.w - tap.s;
    if (h < 0 || w < 0) return 0;
    uint32_t rest_h = static_cast<uint32_t>(h), rest_w = static_cast<uint32_t>(w);
    const auto p = static_cast<int32_t>(stride.split(rest_h)), q = static_cast<int32_t>(stride.split(rest_w));
    if (rest_h || rest_w || p >= P || q >= Q) return 0;
    return dy[((int64_t{row.n} * P + p) * Q + q) * O + tap.c];
  }
};

// turned [outer][R*S][inner] from weight [O,C,R*S], outer and inner being O and C or C and O
float *turn_weights(const float *weight, int64_t O, int64_t C, int64_t taps, bool outer_is_output) {
  float *turned = gpu::workspace_of<float>(O * C * taps);
  const int64_t inner = outer_is_output ? C : O;
  for_each(O * C * taps, [=] __device__(int64_t i) {
    const int64_t in = i % inner, tap = i / inner % taps, out = i / inner / taps;
    const int64_t o = outer_is_output ? out : in, c = outer_is_output ? in : out;
    turned[i] = weight[(o * C + c) * taps + tap];
  });
  return turned;
}

}  // namespace

void conv2d_forward(const Conv2dForward &a) {
  const int64_t K = a.R * a.S * a.C;
  const float *weight = turn_weights(a.weight, a.O, a.C, a.R * a.S, true);
  const auto finish = [=] __device__(unsigned, uint32_t m, uint32_t o, float value) {
    a.y[m * a.O + o] = a.bias ? value + a.bias[o] : value;
  };
  gpu::product(a.N * a.P * a.Q, a.O, K, Patches{a.x, Geometry(a)}, gpu::Matrix<true>{{weight}, K}, finish);
}

void conv2d_backward_input(const Conv2dBackwardInput &a) {
  const int64_t K = a.R * a.S * a.O;
  const float *weight = turn_weights(a.weight, a.O, a.C, a.R * a.S, false);
  const auto finish = [=] __device__(unsigned, uint32_t m, uint32_t c, float value) { a.dx[m * a.C + c] = value; };
  gpu::product(a.N * a.H * a.W, a.C, K, Reaching(a), gpu::Matrix<true>{{weight}, K}, finish);
}

void conv2d_backward_weight(const Conv2dBackwardWeight &a) {
  const int64_t M = a.N * a.P * a.Q, taps = a.R * a.S, columns = taps * a.C, size = a.O * columns;
  float *parts;
  const int64_t count = gpu::product_in_parts(a.O, columns, M, gpu::Matrix<false>{a.dy, a.O}, TurnedPatches{a.x, Geometry(a)}, parts);
  for_each(size, [=] __device__(int64_t i) {
    const int64_t tap = i % taps, c = i / taps % a.C, o = i / taps / a.C;
    float sum = 0;
    for (int64_t part = 0; part < count; part++) sum += parts[part * size + (o * taps + tap) * a.C + c];
    a.dweight[i] = sum;
  });
  if (a.dbias) gpu::sum_columns(a.dy, M, a.O, a.dbias);
}

}  // namespace distill::cuda
