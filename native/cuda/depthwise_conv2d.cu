// Depthwise convolution, without shared memory: each pixel and each weight is loaded once for several outputs, and the caches hold the
// rest. A thread takes 8 channels of some neighbouring outputs in a row; for the weight gradient, all taps of one channel in some rows.
#include "cuda/columns.cuh"
#include "cuda/divide.cuh"
#include "cuda/elementwise.cuh"
#include "cuda/launchers.h"

namespace distill::cuda {

namespace {

using gpu::Divisor;
using gpu::Eight;
using gpu::load8;
using gpu::store8;

// Weights [C,1,R,S] as [R,S,C], in the workspace, rounded as factors of what is stored like that
const float *by_taps(const float *weight, int64_t C, int64_t taps, Storage storage) {
  float *reordered = gpu::workspace_of<float>(taps * C);
  for_each(taps * C, [=] __device__(int64_t i) { reordered[i] = as_factor(weight[i % C * taps + i / C], storage); });
  return reordered;
}

__device__ inline void add_product(Eight &sum, const Eight &a, const Eight &b) {
  GPU_UNROLL
  for (int j = 0; j < 8; j++) sum.of[j] += a.of[j] * b.of[j];
}

// Images `from` to images `to`: x to y or, backward, dy to dx
struct Images {
  Floats from;
  FloatsOut to;
  const float *taps;  // [R,S,C]
  const float *bias;  // [C] or null
  int64_t N, C;
  int32_t R, S, stride, top, left;
  int32_t in_H, in_W, out_H, out_W;
};

// The taps that meet an output along one axis: tap, tap + tap_step ... meet pixel, pixel + pixel_step ...
struct Meeting {
  int64_t tap, tap_step, pixel, pixel_step;
};
template <bool backward>
__device__ inline Meeting meeting(int32_t output, int32_t stride, int32_t before) {
  if constexpr (backward) return {(int64_t{output} + before) % stride, stride, (int64_t{output} + before) / stride, -1};
  return {0, 1, int64_t{output} * stride - before, 1};
}

// ---- Kernels of any size

template <bool backward>
void convolve(const Images &a) {
  const Divisor plane(int64_t{a.out_H} * a.out_W), width(a.out_W);
  for_each_eight(a.N * a.out_H * a.out_W, a.C, [=] __device__(int64_t output, int64_t c, int count) {
    auto w = static_cast<uint32_t>(output);
    const uint32_t n = plane.split(w), h = width.split(w);
    const Meeting v = meeting<backward>(static_cast<int32_t>(h), a.stride, a.top);
    const Meeting u = meeting<backward>(static_cast<int32_t>(w), a.stride, a.left);
    Eight sum = a.bias ? load8({a.bias}, c, count) : Eight{};
    for (int64_t r = v.tap, i = v.pixel; r < a.R; r += v.tap_step, i += v.pixel_step) {
      if (i < 0 || i >= a.in_H) continue;
      for (int64_t s = u.tap, j = u.pixel; s < a.S; s += u.tap_step, j += u.pixel_step) {
        if (j < 0 || j >= a.in_W) continue;
        const int64_t pixel = (n * a.in_H + i) * a.in_W + j;
        add_product(sum, load8(a.from, pixel * a.C + c, count), load8({a.taps}, (r * a.S + s) * a.C + c, count));
      }
    }
    store8(a.to, output * a.C + c, sum, count);
  });
}

// ---- Kernels of known width and stride

// A row of taps slid along a row of pixels: output o of a block meets pixel i with tap(o, i).
template <int S_, int stride_, bool backward>
struct Slide {
  static constexpr int S = S_, stride = stride_, kOut = 4;
  static constexpr int kIn = backward ? (kOut + S - 2) / stride + 1 : (kOut - 1) * stride + S;
  __device__ static constexpr int tap(int o, int i) { return backward ? o - stride * i + S - 1 : i - stride * o; }
};

template <int S, int stride, bool backward>
void slide(const Images &a) {
  using Row = Slide<S, stride, backward>;
  // Backward, tap S - 1 of pixel i = 0 falls on o = 0, which may be before the image.
  const int32_t before = backward ? (S - 1 - a.left + stride - 1) / stride : 0;
  const int32_t first = backward ? S - 1 - a.left - before * stride : 0;
  const int64_t blocks = (a.out_W - first + Row::kOut - 1) / Row::kOut;
  const Divisor rows(a.out_H * blocks), across(blocks);
  for_each_eight(a.N * a.out_H * blocks, a.C, [=] __device__(int64_t index, int64_t c, int count) {
    auto block = static_cast<uint32_t>(index);
    const auto n = static_cast<int64_t>(rows.split(block));
    const auto h = static_cast<int32_t>(across.split(block));
    const int32_t begin = static_cast<int32_t>(block) * Row::kOut, w = first + begin;
    const int32_t column = backward ? begin / stride - before : begin * stride - a.left;
    Eight sums[Row::kOut];
    GPU_UNROLL
    for (int o = 0; o < Row::kOut; o++) sums[o] = a.bias ? load8({a.bias}, c, count) : Eight{};
    int32_t i = backward ? (h + a.top) / stride : h * stride - a.top;
    for (int32_t r = backward ? (h + a.top) % stride : 0; r < a.R; r += backward ? stride : 1, i += backward ? -1 : 1) {
      if (i < 0 || i >= a.in_H) continue;
      Eight taps[S];
      GPU_UNROLL
      for (int s = 0; s < S; s++) taps[s] = load8({a.taps}, (int64_t{r} * S + s) * a.C + c, count);
      const Floats pixels = a.from + (((n * a.in_H + i) * a.in_W + column) * a.C + c);
      GPU_UNROLL
      for (int j = 0; j < Row::kIn; j++) {
        if (column + j < 0 || column + j >= a.in_W) continue;
        const Eight pixel = load8(pixels, j * a.C, count);
        GPU_UNROLL
        for (int o = 0; o < Row::kOut; o++) {
          const int s = Row::tap(o, j);
          if (s >= 0 && s < S) add_product(sums[o], taps[s], pixel);
        }
      }
    }
    GPU_UNROLL
    for (int o = 0; o < Row::kOut; o++) {
      if (w + o >= 0 && w + o < a.out_W) store8(a.to, ((n * a.out_H + h) * a.out_W + w + o) * a.C + c, sums[o], count);
    }
  });
}

// Calls body(S, stride) with both as types if there is a kernel of its own for them; whether there is.
template <class Body>
bool with_known_size(int64_t S, int64_t stride, const Body &body) {
  const auto with_stride = [&](auto known) {
    if (stride == 1) body(known, std::integral_constant<int, 1>{});
    if (stride == 2) body(known, std::integral_constant<int, 2>{});
  };
  if (S == 3) with_stride(std::integral_constant<int, 3>{});
  if (S == 5) with_stride(std::integral_constant<int, 5>{});
  if (S == 7) with_stride(std::integral_constant<int, 7>{});
  return (S == 3 || S == 5 || S == 7) && (stride == 1 || stride == 2);
}

template <bool backward>
void convolve_images(const Images &a) {
  const bool known = with_known_size(a.S, a.stride, [&](auto S, auto stride) { slide<S.value, stride.value, backward>(a); });
  if (!known) convolve<backward>(a);
}

template <class Op>
Images images_of(const Op &a, Floats from, FloatsOut to, const float *bias) {
  Images images{};
  images.from = from, images.to = to, images.bias = bias;
  images.taps = by_taps(a.weight, a.C, a.R * a.S, from.storage);
  images.N = a.N, images.C = a.C;
  images.R = static_cast<int32_t>(a.R), images.S = static_cast<int32_t>(a.S), images.stride = static_cast<int32_t>(a.stride);
  images.top = static_cast<int32_t>(a.top), images.left = static_cast<int32_t>(a.left);
  return images;
}
void set_extents(Images &images, int64_t in_H, int64_t in_W, int64_t out_H, int64_t out_W) {
  images.in_H = static_cast<int32_t>(in_H), images.in_W = static_cast<int32_t>(in_W);
  images.out_H = static_cast<int32_t>(out_H), images.out_W = static_cast<int32_t>(out_W);
}

// ---- Weight gradients

constexpr int kChannels = 32, kRowsHigh = 8;
// At once, so that they and all taps are in registers
template <int S>
constexpr int kOutputs = S < 7 ? 4 : 2;

// sums += the products of some outputs in a row, from q, with the pixels that they meet. x: the image; dy: the row; top: of its windows
template <int S, int stride, class T>
__device__ inline void add_products(const DepthwiseConv2dBackwardWeight &a, const T *x, const T *dy, int32_t top, int32_t q,
                                    float (&sums)[S * S]) {
  const auto outputs = min(static_cast<int32_t>(a.Q) - q, kOutputs<S>);
  const int32_t left = q * stride - static_cast<int32_t>(a.left);
  float gradient[kOutputs<S>];
  GPU_UNROLL
  for (int o = 0; o < kOutputs<S>; o++) gradient[o] = o < outputs ? to_float(dy[(q + o) * a.C]) : 0.0f;
  GPU_UNROLL
  for (int r = 0; r < S; r++) {
    if (top + r < 0 || top + r >= a.H) continue;
    const T *row = x + (int64_t{top + r} * a.W + left) * a.C;
    GPU_UNROLL
    for (int i = 0; i < (kOutputs<S> - 1) * stride + S; i++) {
      if (left + i < 0 || left + i >= a.W) continue;
      const float pixel = to_float(row[i * a.C]);
      GPU_UNROLL
      for (int o = 0; o < kOutputs<S>; o++) {
        const int s = i - stride * o;
        if (s >= 0 && s < S && o < outputs) sums[r * S + s] += gradient[o] * pixel;
      }
    }
  }
}

// partial [chunks][S*S][C]: the sums over per_chunk rows of outputs
template <int S, int stride, class T>
__global__ void __launch_bounds__(kChannels *kRowsHigh) weight_chunks(DepthwiseConv2dBackwardWeight a, int64_t per_chunk, float *partial) {
  SHARED(float, [kRowsHigh][kChannels], shared);
  const int64_t c = int64_t{blockIdx.x} * kChannels + threadIdx.x;
  const int64_t first = int64_t{blockIdx.y} * per_chunk, end = min(a.N * a.P, first + per_chunk);
  float sums[S * S] = {};
  for (int64_t row = first + threadIdx.y; row < end && c < a.C; row += kRowsHigh) {
    const int64_t n = row / a.P, p = row - n * a.P;
    const T *x = static_cast<const T *>(a.x.data) + n * a.H * a.W * a.C + c, *dy = static_cast<const T *>(a.dy.data) + row * a.Q * a.C + c;
    const auto top = static_cast<int32_t>(p * stride - a.top);
    for (int32_t q = 0; q < a.Q; q += kOutputs<S>) add_products<S, stride>(a, x, dy, top, q, sums);
  }
  GPU_UNROLL
  for (int tap = 0; tap < S * S; tap++) {
    shared[threadIdx.y][threadIdx.x] = sums[tap];
    __syncthreads();
    if (threadIdx.y == 0 && c < a.C) {
      float sum = 0;
      for (int i = 0; i < kRowsHigh; i++) sum += shared[i][threadIdx.x];
      partial[(int64_t{blockIdx.y} * S * S + tap) * a.C + c] = sum;
    }
    __syncthreads();
  }
}

// Just enough blocks to fill a GPU, because their sums must be added. Chosen by shape, so that the bits do not depend on the GPU.
int64_t rows_per_chunk(int64_t rows, int64_t C) {
  constexpr int64_t kBlocks = 1024;
  const int64_t chunks = std::max(kBlocks / gpu::blocks_for(C, kChannels), int64_t{1}), per_chunk = (rows + chunks - 1) / chunks;
  return (per_chunk + kRowsHigh - 1) / kRowsHigh * kRowsHigh;
}

template <int S, int stride, class T>
void sum_by_chunks(const DepthwiseConv2dBackwardWeight &a) {
  const int64_t rows = a.N * a.P, per_chunk = rows_per_chunk(rows, a.C), chunks = (rows + per_chunk - 1) / per_chunk;
  float *partial = gpu::workspace_of<float>(chunks * S * S * a.C);
  const dim3 grid(gpu::blocks_for(a.C, kChannels), static_cast<unsigned>(chunks));
  GPU_LAUNCH((weight_chunks<S, stride, T>), grid, dim3(kChannels, kRowsHigh), 0, a, per_chunk, partial);
  gpu::add_column_chunks<1>(chunks, S * S * a.C, partial, [=] __device__(int64_t i, const gpu::Sums<1> &sums) {
    const int64_t tap = i / a.C, c = i - tap * a.C;
    a.dweight[c * S * S + tap] = sums.of[0];
  });
}

// Any size: one tap after the other
void sum_by_taps(const DepthwiseConv2dBackwardWeight &a) {
  for (int64_t tap = 0; tap < a.R * a.S; tap++) {
    const int64_t r = tap / a.S, s = tap % a.S;
    const auto term = [=] __device__(int64_t output, int64_t c, int count) {
      const int64_t q = output % a.Q, p = output / a.Q % a.P, n = output / a.Q / a.P;
      const int64_t h = p * a.stride + r - a.top, w = q * a.stride + s - a.left;
      gpu::Sums8<1> product = {};
      if (h >= 0 && h < a.H && w >= 0 && w < a.W)
        add_product(product.of[0], load8(a.x, ((n * a.H + h) * a.W + w) * a.C + c, count), load8(a.dy, output * a.C + c, count));
      return product;
    };
    const auto finish = [=] __device__(int64_t c, const gpu::Sums<1> &sums) { a.dweight[c * a.R * a.S + tap] = sums.of[0]; };
    gpu::column_sums<1>(a.N * a.P * a.Q, a.C, term, finish);
  }
}

}  // namespace

void depthwise_conv2d_forward(const DepthwiseConv2dForward &a) {
  Images images = images_of(a, a.x, a.y, a.bias);
  set_extents(images, a.H, a.W, a.P, a.Q);
  convolve_images<false>(images);
}

void depthwise_conv2d_norm_forward(const DepthwiseConv2dNormForward &a) {
  depthwise_conv2d_forward(a.conv);
  batch_norm_forward_eval(a.norm);
}

void depthwise_conv2d_backward_input(const DepthwiseConv2dBackwardInput &a) {
  Images images = images_of(a, a.dy, a.dx, nullptr);
  set_extents(images, a.P, a.Q, a.H, a.W);
  convolve_images<true>(images);
}

void depthwise_conv2d_backward_weight(const DepthwiseConv2dBackwardWeight &a) {
  const bool known = a.R == a.S && with_known_size(a.S, a.stride, [&](auto S, auto stride) {
                       if (a.x.storage == Storage::f32)
                         sum_by_chunks<S.value, stride.value, float>(a);
                       else
                         sum_by_chunks<S.value, stride.value, bf16>(a);
                     });
  if (!known) sum_by_taps(a);
  if (a.dbias) gpu::sum_columns(a.dy, a.N * a.P * a.Q, a.C, a.dbias);
}

}  // namespace distill::cuda
