// Convolutions as products whose factor a is read from the image where it lies (implicit GEMM). Weights are first turned so that a row of
// the product's factor b lies in one piece. With activations in bf16 they run on tensor cores.
#include "cuda/columns.cuh"
#include "cuda/divide.cuh"
#include "cuda/elementwise.cuh"
#include "cuda/launchers.h"
#include "cuda/product.cuh"
#include "cuda/tensor_product.cuh"

namespace distill::cuda {

namespace {

using gpu::Divisor;

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

// ---- Where a value of the product's factor lies: by pixel and tap, at(...) >= 0, or outside, where the value is 0. C or O is the pitch of
// the pixels, which may have more channels than the op.

// The patches of x: pixel (n, p, q), tap (r, s, c)
struct Patches {
  Divisor pixels, width;
  Taps taps;
  int32_t H, W, C, stride, padding;

  template <class Conv2d>
  Patches(const Conv2d &a, int64_t channels)
      : pixels(a.P * a.Q),
        width(a.Q),
        taps{Divisor(channels), Divisor(a.S)},
        H(static_cast<int32_t>(a.H)),
        W(static_cast<int32_t>(a.W)),
        C(static_cast<int32_t>(channels)),
        stride(static_cast<int32_t>(a.stride)),
        padding(static_cast<int32_t>(a.padding)) {}

  // Of the window's corner in the image.
  __device__ Position position(uint32_t pixel) const {
    const auto n = static_cast<int32_t>(pixels.split(pixel));
    const auto p = static_cast<int32_t>(width.split(pixel));
    return {n, p * stride - padding, static_cast<int32_t>(pixel) * stride - padding};
  }
  __device__ int64_t at(const Position &corner, const Tap &tap) const {
    const int32_t h = corner.h + tap.r, w = corner.w + tap.s;
    if (static_cast<uint32_t>(h) >= static_cast<uint32_t>(H) || static_cast<uint32_t>(w) >= static_cast<uint32_t>(W)) return -1;
    return ((int64_t{corner.n} * H + h) * W + w) * C + tap.c;
  }
};

// The gradients dy that reach a pixel: pixel (n, h, w), tap (r, s, o)
struct Reaching {
  Divisor pixels, width;
  Taps taps;
  Divisor stride;
  int32_t P, Q, O, padding;

  Reaching(const Conv2dBackwardInput &a, int64_t channels)
      : pixels(a.H * a.W),
        width(a.W),
        taps{Divisor(channels), Divisor(a.S)},
        stride(a.stride),
        P(static_cast<int32_t>(a.P)),
        Q(static_cast<int32_t>(a.Q)),
        O(static_cast<int32_t>(channels)),
        padding(static_cast<int32_t>(a.padding)) {}

  __device__ Position position(uint32_t pixel) const {
    const auto n = static_cast<int32_t>(pixels.split(pixel));
    const auto h = static_cast<int32_t>(width.split(pixel));
    return {n, h + padding, static_cast<int32_t>(pixel) + padding};
  }
  __device__ int64_t at(const Position &row, const Tap &tap) const {
    const int32_t h = row.h - tap.r, w = row.w - tap.s;
    if (h < 0 || w < 0) return -1;
    uint32_t rest_h = static_cast<uint32_t>(h), rest_w = static_cast<uint32_t>(w);
    const auto p = static_cast<int32_t>(stride.split(rest_h)), q = static_cast<int32_t>(stride.split(rest_w));
    if (rest_h || rest_w || p >= P || q >= Q) return -1;
    return ((int64_t{row.n} * P + p) * Q + q) * O + tap.c;
  }
};

// ---- The same as sources of the products

// Rows are pixels and k taps, or, with along_k false, rows are taps and k pixels.
template <class Where, bool along_k>
struct Gathered {
  static constexpr bool kAlongK = along_k;
  using Row = std::conditional_t<along_k, Position, Tap>;
  using Column = std::conditional_t<along_k, Tap, Position>;
  Floats x;
  Where where;

  __device__ Row row(uint32_t i) const {
    if constexpr (along_k)
      return where.position(i);
    else
      return where.taps.at(i);
  }
  __device__ Column column(uint32_t i) const {
    if constexpr (along_k)
      return where.taps.at(i);
    else
      return where.position(i);
  }
  __device__ float at(const Row &row, const Column &column) const {
    int64_t offset;
    if constexpr (along_k)
      offset = where.at(row, column);
    else
      offset = where.at(column, row);
    return offset < 0 ? 0.0f : x[offset];
  }
};

// Lines are pixels, places on them taps.
template <class Where, bool along_k>
struct GatheredChunks {
  static constexpr bool kAlongK = along_k;
  using Line = Position;
  using Place = Tap;
  const bf16 *data;
  uint32_t lines, places;
  Where where;

  GatheredChunks(const bf16 *data, int64_t pixels, int64_t taps, const Where &where)
      : data(data), lines(static_cast<uint32_t>(pixels)), places(static_cast<uint32_t>(taps)), where(where) {}
  __device__ Line line(uint32_t i) const { return where.position(i); }
  __device__ Place place(uint32_t i) const { return where.taps.at(i); }
  __device__ const bf16 *at(const Line &line, const Place &place) const {
    const int64_t offset = where.at(line, place);
    return offset < 0 ? nullptr : data + offset;
  }
};

// ---- Weights

// How weights lie as a product's factor b: [outer][R*S][pitch] from [O,C,R*S], outer and inner being O and C or C and O, zeros beyond
// inner.
struct TurnedWeights {
  const float *weight;
  int64_t O, C, taps, pitch;
  bool outer_is_output;

  int64_t size() const { return (outer_is_output ? O : C) * taps * pitch; }
  void to(FloatsOut turned) const {
    for_each(size(), [=, from = *this] __device__(int64_t i) {
      const int64_t in = i % from.pitch, tap = i / from.pitch % from.taps, out = i / from.pitch / from.taps;
      const int64_t o = from.outer_is_output ? out : in, c = from.outer_is_output ? in : out;
      turned[i] = o < from.O && c < from.C ? from.weight[(o * from.C + c) * from.taps + tap] : 0.0f;
    });
  }
};

// dweight [O,C,R*S] from parts [count][O][R*S][pitch]
void sum_parts(const Conv2dBackwardWeight &a, const float *parts, int64_t count, int64_t pitch) {
  const int64_t taps = a.R * a.S, size = a.O * taps * pitch;
  for_each(size, [=] __device__(int64_t i) {
    const int64_t c = i % pitch, tap = i / pitch % taps, o = i / pitch / taps;
    if (c >= a.C) return;
    float sum = 0;
    for (int64_t part = 0; part < count; part++) sum += parts[part * size + i];
    a.dweight[(o * a.C + c) * taps + tap] = sum;
  });
}

// ---- On tensor cores: pixels and weights have whole chunks of channels

void tensor_forward(const Conv2dForward &a) {
  const int64_t C = gpu::whole_chunks(a.C), K = a.R * a.S * C, M = a.N * a.P * a.Q;
  const gpu::Factor x(a.x, a.N * a.H * a.W, a.C);
  const TurnedWeights weight{a.weight, a.O, a.C, a.R * a.S, C, true};
  const auto [x_memory, weight_memory] = gpu::workspaces<2>({x.copy_bytes, weight.size() * 2});
  weight.to({weight_memory, Storage::bf16});
  const auto finish = [=] __device__(unsigned, uint32_t m, uint32_t o, gpu::Eight values, int count) {
    if (a.bias) {
      const gpu::Eight bias = gpu::load8({a.bias}, o, count);
      values = gpu::eight_of([&](int i) { return values.of[i] + bias.of[i]; });
    }
    gpu::store8(a.y, m * a.O + o, values, count);
  };
  const GatheredChunks<Patches, true> patches(x.in(x_memory), M, K, Patches(a, C));
  gpu::tensor_product(M, a.O, K, patches, gpu::MatrixChunks<true>(static_cast<const bf16 *>(weight_memory), a.O, K), finish);
}

void tensor_backward_input(const Conv2dBackwardInput &a) {
  const int64_t O = gpu::whole_chunks(a.O), K = a.R * a.S * O, M = a.N * a.H * a.W;
  const gpu::Factor dy(a.dy, a.N * a.P * a.Q, a.O);
  const TurnedWeights weight{a.weight, a.O, a.C, a.R * a.S, O, false};
  const auto [dy_memory, weight_memory] = gpu::workspaces<2>({dy.copy_bytes, weight.size() * 2});
  weight.to({weight_memory, Storage::bf16});
  const auto finish = [=] __device__(unsigned, uint32_t m, uint32_t c, const gpu::Eight &values, int count) {
    gpu::store8(a.dx, m * a.C + c, values, count);
  };
  const GatheredChunks<Reaching, true> reaching(dy.in(dy_memory), M, K, Reaching(a, O));
  gpu::tensor_product(M, a.C, K, reaching, gpu::MatrixChunks<true>(static_cast<const bf16 *>(weight_memory), a.C, K), finish);
}

void tensor_backward_weight(const Conv2dBackwardWeight &a) {
  const int64_t M = a.N * a.P * a.Q, C = gpu::whole_chunks(a.C), columns = a.R * a.S * C;
  const gpu::Factor x(a.x, a.N * a.H * a.W, a.C), dy(a.dy, M, a.O);
  const gpu::ProductShape shape = gpu::tensor_parts(a.O, columns, M);
  const int64_t count = gpu::parts_of(shape), bytes = count * a.O * columns * static_cast<int64_t>(sizeof(float));
  const auto [x_memory, dy_memory, parts_memory] = gpu::workspaces<3>({x.copy_bytes, dy.copy_bytes, bytes});
  auto *parts = static_cast<float *>(parts_memory);
  const GatheredChunks<Patches, false> patches(x.in(x_memory), M, columns, Patches(a, C));
  gpu::tensor_product_in_parts(shape, gpu::MatrixChunks<false>(dy.in(dy_memory), M, a.O), patches, parts);
  sum_parts(a, parts, count, C);
}

float *turned(const TurnedWeights &weight) {
  float *memory = gpu::workspace_of<float>(weight.size());
  weight.to({memory});
  return memory;
}

}  // namespace

void conv2d_forward(const Conv2dForward &a) {
  if (gpu::on_tensor_cores(a.x.storage)) return tensor_forward(a);
  const int64_t K = a.R * a.S * a.C;
  const float *weight = turned({a.weight, a.O, a.C, a.R * a.S, a.C, true});
  const auto finish = [=] __device__(unsigned, uint32_t m, uint32_t o, float value) {
    a.y[m * a.O + o] = a.bias ? value + a.bias[o] : value;
  };
  gpu::product(a.N * a.P * a.Q, a.O, K, Gathered<Patches, true>{a.x, Patches(a, a.C)}, gpu::Matrix<true>{{weight}, K}, finish);
}

void conv2d_norm_forward(const Conv2dNormForward &a) {
  conv2d_forward(a.conv);
  batch_norm_forward_eval(a.norm);
}

void conv2d_backward_input(const Conv2dBackwardInput &a) {
  if (gpu::on_tensor_cores(a.dx.storage)) return tensor_backward_input(a);
  const int64_t K = a.R * a.S * a.O;
  const float *weight = turned({a.weight, a.O, a.C, a.R * a.S, a.O, false});
  const auto finish = [=] __device__(unsigned, uint32_t m, uint32_t c, float value) { a.dx[m * a.C + c] = value; };
  gpu::product(a.N * a.H * a.W, a.C, K, Gathered<Reaching, true>{a.dy, Reaching(a, a.O)}, gpu::Matrix<true>{{weight}, K}, finish);
}

void conv2d_backward_weight(const Conv2dBackwardWeight &a) {
  const int64_t M = a.N * a.P * a.Q;
  if (gpu::on_tensor_cores(a.x.storage)) {
    tensor_backward_weight(a);
  } else {
    float *parts;
    const Gathered<Patches, false> patches{a.x, Patches(a, a.C)};
    const int64_t count = gpu::product_in_parts(a.O, a.R * a.S * a.C, M, gpu::Matrix<false>{a.dy, a.O}, patches, parts);
    sum_parts(a, parts, count, a.C);
  }
  if (a.dbias) gpu::sum_columns(a.dy, M, a.O, a.dbias);
}

}  // namespace distill::cuda
