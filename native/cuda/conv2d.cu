// Convolutions as products whose factor a is read from the image in place (implicit GEMM). Weights are first reordered so that a row of the
// product's factor b is contiguous. With bf16 activations they run on tensor cores.
#include <algorithm>

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

// ---- The offset of a value of the product's factor, by pixel and tap: at(...) >= 0, or negative outside, where the value is 0. C or O is
// the pitch of the pixels, which may have more channels than the op.

// The patches of x: pixel (n, p, q), tap (r, s, c)
struct Patches {
  Divisor pixels, width;
  Taps taps;
  int32_t H, W, C, stride, top, left;

  template <class Conv2d>
  Patches(const Conv2d &a, int64_t channels)
      : pixels(a.P * a.Q),
        width(a.Q),
        taps{Divisor(channels), Divisor(a.S)},
        H(static_cast<int32_t>(a.H)),
        W(static_cast<int32_t>(a.W)),
        C(static_cast<int32_t>(channels)),
        stride(static_cast<int32_t>(a.stride)),
        top(static_cast<int32_t>(a.top)),
        left(static_cast<int32_t>(a.left)) {}

  // The window's corner in the image.
  __device__ Position position(uint32_t pixel) const {
    const auto n = static_cast<int32_t>(pixels.split(pixel));
    const auto p = static_cast<int32_t>(width.split(pixel));
    return {n, p * stride - top, static_cast<int32_t>(pixel) * stride - left};
  }
  __device__ int64_t at(const Position &corner, const Tap &tap) const {
    const int32_t h = corner.h + tap.r, w = corner.w + tap.s;
    if (static_cast<uint32_t>(h) >= static_cast<uint32_t>(H) || static_cast<uint32_t>(w) >= static_cast<uint32_t>(W)) return -1;
    return ((int64_t{corner.n} * H + h) * W + w) * C + tap.c;
  }
};

// Along one axis, the pixels first + stride i of x, which are all reached by the same taps first_tap + stride j, of windows p = i + shift -
// j. With stride 1 these are all pixels.
struct Phase {
  int64_t first, pixels, first_tap, taps, shift;

  Phase(int64_t first, int64_t extent, int64_t window, int64_t stride, int64_t padding)
      : first(first),
        pixels((extent - first + stride - 1) / stride),
        first_tap((first + padding) % stride),
        taps(first_tap < window ? (window - first_tap + stride - 1) / stride : 0),
        shift((first + padding) / stride) {}
};
struct Phases {
  Phase h, w;
  int64_t stride;

  int64_t pixels() const { return h.pixels * w.pixels; }
  int64_t taps() const { return h.taps * w.taps; }
};

// The gradients dy that reach a pixel of such phases: pixel (n, i, j) of the phases, tap (r, s, o) of their taps
struct Reaching {
  Divisor pixels, width;
  Taps taps;
  int32_t shift_h, shift_w, P, Q, O;

  Reaching(const Conv2dBackwardInput &a, const Phases &phases, int64_t channels)
      : pixels(phases.pixels()),
        width(phases.w.pixels),
        taps{Divisor(channels), Divisor(phases.w.taps)},
        shift_h(static_cast<int32_t>(phases.h.shift)),
        shift_w(static_cast<int32_t>(phases.w.shift)),
        P(static_cast<int32_t>(a.P)),
        Q(static_cast<int32_t>(a.Q)),
        O(static_cast<int32_t>(channels)) {}

  __device__ Position position(uint32_t pixel) const {
    const auto n = static_cast<int32_t>(pixels.split(pixel));
    const auto i = static_cast<int32_t>(width.split(pixel));
    return {n, i + shift_h, static_cast<int32_t>(pixel) + shift_w};
  }
  __device__ int64_t at(const Position &row, const Tap &tap) const {
    const int32_t p = row.h - tap.r, q = row.w - tap.s;
    if (static_cast<uint32_t>(p) >= static_cast<uint32_t>(P) || static_cast<uint32_t>(q) >= static_cast<uint32_t>(Q)) return -1;
    return ((int64_t{row.n} * P + p) * Q + q) * O + tap.c;
  }
};

// The position in dx of a pixel of the phases.
struct Scattered {
  Divisor pixels, width;
  int64_t H, W, first_h, first_w, stride;

  Scattered(const Conv2dBackwardInput &a, const Phases &phases)
      : pixels(phases.pixels()),
        width(phases.w.pixels),
        H(a.H),
        W(a.W),
        first_h(phases.h.first),
        first_w(phases.w.first),
        stride(phases.stride) {}
  __device__ int64_t pixel(uint32_t i) const {
    const uint32_t n = pixels.split(i), h = width.split(i);
    return (n * H + first_h + h * stride) * W + first_w + i * stride;
  }
};

// Calls body(phases) for all phases of x. Each pixel belongs to exactly one; pixels that no window reaches have no gradient.
template <class Body>
void for_each_phases(const Conv2dBackwardInput &a, const Body &body) {
  if (a.stride > a.R || a.stride > a.S) fill(a.dx.data, 0, a.N * a.H * a.W * a.C * (a.dx.storage == Storage::f32 ? 4 : 2));
  for (int64_t h = 0; h < std::min(a.stride, a.H); h++) {
    for (int64_t w = 0; w < std::min(a.stride, a.W); w++) {
      const Phases phases{{h, a.H, a.R, a.stride, a.top}, {w, a.W, a.S, a.stride, a.left}, a.stride};
      if (phases.taps() > 0) body(phases);
    }
  }
}

// ---- The same, as sources of the products

// Rows are pixels and k counts taps; with along_k false, rows are taps and k counts pixels.
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

// Lines are pixels; places on a line are taps.
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

// Weights [O,C,R,S] reordered as a product's factor b: [outer][taps][pitch], where outer and inner are O and C or C and O, with zeros
// beyond inner. The taps are all taps, or those of phases.
struct ReorderedWeights {
  const float *weight;
  int64_t O, C, R, S, pitch;
  bool outer_is_output;
  int64_t first_r = 0, first_s = 0, step = 1, high = R, wide = S;

  ReorderedWeights(const float *weight, int64_t O, int64_t C, int64_t R, int64_t S, int64_t pitch, bool outer_is_output)
      : weight(weight), O(O), C(C), R(R), S(S), pitch(pitch), outer_is_output(outer_is_output) {}
  ReorderedWeights(const Conv2dBackwardInput &a, const Phases &phases, int64_t pitch)
      : ReorderedWeights(a.weight, a.O, a.C, a.R, a.S, pitch, false) {
    first_r = phases.h.first_tap, high = phases.h.taps;
    first_s = phases.w.first_tap, wide = phases.w.taps;
    step = phases.stride;
  }

  int64_t size() const { return (outer_is_output ? O : C) * high * wide * pitch; }
  void to(FloatsOut reordered) const {
    for_each(size(), [=, from = *this] __device__(int64_t i) {
      const int64_t in = i % from.pitch, rest = i / from.pitch, s = rest % from.wide, r = rest / from.wide % from.high;
      const int64_t out = rest / from.wide / from.high, o = from.outer_is_output ? out : in, c = from.outer_is_output ? in : out;
      const int64_t at = ((o * from.C + c) * from.R + from.first_r + r * from.step) * from.S + from.first_s + s * from.step;
      reordered[i] = o < from.O && c < from.C ? from.weight[at] : 0.0f;
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
  const ReorderedWeights weight(a.weight, a.O, a.C, a.R, a.S, C, true);
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
  const int64_t O = gpu::whole_chunks(a.O);
  const gpu::Factor dy(a.dy, a.N * a.P * a.Q, a.O);
  const int64_t most_taps = (a.R + a.stride - 1) / a.stride * ((a.S + a.stride - 1) / a.stride);
  const auto [dy_memory, weight_memory] = gpu::workspaces<2>({dy.copy_bytes, a.C * most_taps * O * 2});
  const bf16 *gradients = dy.in(dy_memory);
  for_each_phases(a, [&, weights = weight_memory](const Phases &phases) {
    const int64_t K = phases.taps() * O, M = a.N * phases.pixels();
    ReorderedWeights(a, phases, O).to({weights, Storage::bf16});
    const Scattered scattered(a, phases);
    const auto finish = [=, dx = a.dx, C = a.C] __device__(unsigned, uint32_t m, uint32_t c, const gpu::Eight &values, int count) {
      gpu::store8(dx, scattered.pixel(m) * C + c, values, count);
    };
    const GatheredChunks<Reaching, true> reaching(gradients, M, K, Reaching(a, phases, O));
    gpu::tensor_product(M, a.C, K, reaching, gpu::MatrixChunks<true>(static_cast<const bf16 *>(weights), a.C, K), finish);
  });
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

float *reordered(const ReorderedWeights &weight) {
  float *memory = gpu::workspace_of<float>(weight.size());
  weight.to({memory});
  return memory;
}

}  // namespace

void conv2d_forward(const Conv2dForward &a) {
  if (gpu::on_tensor_cores(a.x.storage)) return tensor_forward(a);
  const int64_t K = a.R * a.S * a.C;
  const float *weight = reordered({a.weight, a.O, a.C, a.R, a.S, a.C, true});
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
  for_each_phases(a, [&](const Phases &phases) {
    const int64_t K = phases.taps() * a.O;
    const float *weight = reordered(ReorderedWeights(a, phases, a.O));
    const Scattered scattered(a, phases);
    const auto finish = [=, dx = a.dx, C = a.C] __device__(unsigned, uint32_t m, uint32_t c, float value) {
      dx[scattered.pixel(m) * C + c] = value;
    };
    const Gathered<Reaching, true> reaching{a.dy, Reaching(a, phases, a.O)};
    gpu::product(a.N * phases.pixels(), a.C, K, reaching, gpu::Matrix<true>{{weight}, K}, finish);
  });
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
