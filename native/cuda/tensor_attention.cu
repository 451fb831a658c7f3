// Attention in bf16 on tensor cores: like attention.cu, but with scores and sums in registers. A block has 64 queries (or keys) of one
// head, 16 per warp, and loops over tiles of 64 keys (or queries). The next tile is copied while the current one is multiplied.
#include "cuda/eight.cuh"
#include "cuda/heads.cuh"
#include "cuda/launchers.h"
#include "cuda/tensor_attention.cuh"

namespace distill::cuda {

namespace {

using gpu::load_fragment;
using gpu::multiply_pair;
using gpu::pack_bf16;
using gpu::place_in_tile;

constexpr int kTile = 64, kThreads = 128, kStep = 16;
constexpr float kLog2E = 1.44269504f, kLn2 = 0.69314718f;

// Tokens `first` ... `first` + 63 of the `count` rows of a head, `pitch` apart.
struct Tokens {
  const bf16 *rows;
  int pitch, first, count;
};

__device__ inline int lane_of() { return static_cast<int>(threadIdx.x) % 32; }
// The first of the 16 lines of a tile that belong to this warp.
__device__ inline int warp_line() { return static_cast<int>(threadIdx.x) / 32 * kStep; }

// Starts the copy to a tile [64][E], with zeros beyond the last row.
template <int E>
__device__ inline void copy_tile(bf16 *tile, const Tokens &tokens) {
  constexpr int kChunks = E / gpu::kChunk;
  GPU_UNROLL
  for (int i = 0; i < kTile * kChunks / kThreads; i++) {
    const int at = static_cast<int>(threadIdx.x) + i * kThreads, line = at / kChunks, chunk = at % kChunks, token = tokens.first + line;
    const bool inside = token < tokens.count;
    const bf16 *from = inside ? tokens.rows + int64_t{token} * tokens.pitch + chunk * gpu::kChunk : tokens.rows;
    gpu::copy_async(gpu::shared_address(tile + place_in_tile<kChunks>(line, chunk)), from, inside ? 16 : 0);
  }
}

// The warp's 16 lines of a tile as factor a.
template <int E>
__device__ inline void load_lines(uint32_t (&of)[E / 16][4], const bf16 *tile) {
  GPU_UNROLL
  for (int e = 0; e < E / 16; e++) load_fragment<E / gpu::kChunk, true, true>(of[e], tile, warp_line(), 2 * e);
}

// products [16][16] += lines times the transpose of 16 lines of a tile, starting at `line`
template <int E>
__device__ inline void dot_lines(float (&left)[4], float (&right)[4], const uint32_t (&lines)[E / 16][4], const bf16 *tile, int line) {
  GPU_UNROLL
  for (int e = 0; e < E / 16; e++) {
    uint32_t b[4];
    load_fragment<E / gpu::kChunk, true, false>(b, tile, line, 2 * e);
    multiply_pair(left, right, lines[e], b);
  }
}

// sums [16][E] += weights [16][16] times 16 lines of a tile, starting at `line`
template <int E>
__device__ inline void weigh_lines(float (&sums)[E / 8][4], const float (&left)[4], const float (&right)[4], const bf16 *tile, int line) {
  // The c of a product has the layout of an a, two columns of 8 side by side.
  const uint32_t weights[4] = {pack_bf16(left[0], left[1]), pack_bf16(left[2], left[3]), pack_bf16(right[0], right[1]),
                               pack_bf16(right[2], right[3])};
  GPU_UNROLL
  for (int e = 0; e < E / 16; e++) {
    uint32_t b[4];
    load_fragment<E / gpu::kChunk, false, false>(b, tile, line, 2 * e);
    multiply_pair(sums[2 * e], sums[2 * e + 1], weights, b);
  }
}

// Stores the warp's rows [16][E], starting with token `first` of `count`, to `to`, through its own lines of a tile that nobody else reads.
template <int E>
__device__ inline void store_lines(const float (&rows)[E / 8][4], bf16 *tile, bf16 *to, int pitch, int first, int count) {
  constexpr int kChunks = E / gpu::kChunk;
  const int lane = lane_of();
  __syncwarp();
  GPU_UNROLL
  for (int e = 0; e < kChunks; e++) {
    GPU_UNROLL
    for (int half = 0; half < 2; half++) {
      bf16 *at = tile + place_in_tile<kChunks>(warp_line() + lane / 4 + 8 * half, e) + lane % 4 * 2;
      *reinterpret_cast<uint32_t *>(at) = pack_bf16(rows[e][2 * half], rows[e][2 * half + 1]);
    }
  }
  __syncwarp();
  GPU_UNROLL
  for (int i = 0; i < kStep * kChunks / 32; i++) {
    const int line = (lane + 32 * i) / kChunks, chunk = (lane + 32 * i) % kChunks;
    if (first + line >= count) continue;
    const bf16 *from = tile + place_in_tile<kChunks>(warp_line() + line, chunk);
    gpu::store4(reinterpret_cast<float *>(to + int64_t{first + line} * pitch + chunk * gpu::kChunk),
                gpu::load4(reinterpret_cast<const float *>(from)));
  }
}

// Reduces over the 4 lanes that share a row.
__device__ inline float row_max(float value) {
  value = fmaxf(value, __shfl_xor_sync(~0u, value, 1));
  return fmaxf(value, __shfl_xor_sync(~0u, value, 2));
}
__device__ inline float row_sum(float value) {
  value += __shfl_xor_sync(~0u, value, 1);
  return value + __shfl_xor_sync(~0u, value, 2);
}

// Loops over tokens in tiles: start(tile, buffer) begins the copies of one, body(first, buffer) processes it.
template <class Start, class Body>
__device__ inline void walk_tiles(int count, const Start &start, const Body &body) {
  start(0, 0);
  gpu::copy_async_commit();
  for (int first = 0, buffer = 0; first < count; first += kTile, buffer ^= 1) {
    if (first + kTile < count) start(first + kTile, buffer ^ 1);
    gpu::copy_async_commit();
    gpu::copy_async_wait<1>();
    __syncthreads();
    body(first, buffer);
    // Wait before the next copies overwrite the buffer of this tile.
    __syncthreads();
  }
}

// ---- Forward

// A warp's state of the softmax of its rows, two per lane, in powers of 2.
struct Softmax {
  float highest[2] = {-INFINITY, -INFINITY}, sum[2] = {};

  // Turns scores of the keys from `first` on into weights; returns the factors by which earlier sums shrink.
  __device__ void weigh(float (&scores)[kTile / 8][4], int first, int T, float scale, float (&shrink)[2]) {
    float most[2] = {highest[0], highest[1]};
    GPU_UNROLL
    for (int j = 0; j < kTile / 8; j++) {
      GPU_UNROLL
      for (int i = 0; i < 4; i++) {
        scores[j][i] = first + 8 * j + lane_of() % 4 * 2 + i % 2 < T ? scores[j][i] * scale : -INFINITY;
        most[i / 2] = fmaxf(most[i / 2], scores[j][i]);
      }
    }
    GPU_UNROLL
    for (int half = 0; half < 2; half++) {
      most[half] = row_max(most[half]);
      shrink[half] = exp2f(highest[half] - most[half]);
      highest[half] = most[half];
      sum[half] *= shrink[half];
    }
    GPU_UNROLL
    for (int j = 0; j < kTile / 8; j++) {
      GPU_UNROLL
      for (int i = 0; i < 4; i++) {
        scores[j][i] = exp2f(scores[j][i] - highest[i / 2]);
        sum[i / 2] += scores[j][i];
      }
    }
  }
};

template <int E>
__global__ void __launch_bounds__(kThreads) forward_tile(AttentionForward op) {
  constexpr int kSize = kTile * E;
  DYNAMIC_SHARED(memory);
  bf16 *queries = reinterpret_cast<bf16 *>(memory), *keys = queries + kSize, *values = keys + 2 * kSize;
  const TileOfHead tile = tile_of_block(op, op.Q, kTile);
  const Head head = tile.head;
  const int T = static_cast<int>(op.T), Q = static_cast<int>(op.Q), first_query = static_cast<int>(tile.first),
            first_row = first_query + warp_line();
  const int pitch_y = static_cast<int>(op.A) * E, pitch = 3 * pitch_y;
  const float scale = kLog2E / sqrtf(static_cast<float>(E));
  const auto part = [&](int which, int first) {
    return Tokens{op.qkv.as_bf16() + part_offset(op, head, which), pitch, first, which == 0 ? Q : T};
  };

  uint32_t q[E / 16][4];
  float y[E / 8][4] = {};
  Softmax softmax;
  const auto start = [&](int first, int buffer) {
    if (first == 0) copy_tile<E>(queries, part(0, first_query));
    copy_tile<E>(keys + buffer * kSize, part(1, first));
    copy_tile<E>(values + buffer * kSize, part(2, first));
  };
  walk_tiles(T, start, [&](int first, int buffer) {
    if (first_row >= Q) return;  // the whole warp
    if (first == 0) load_lines<E>(q, queries);
    float scores[kTile / 8][4] = {}, shrink[2];
    GPU_UNROLL
    for (int j = 0; j < kTile / kStep; j++) {
      if (first + j * kStep < T) dot_lines<E>(scores[2 * j], scores[2 * j + 1], q, keys + buffer * kSize, j * kStep);
    }
    softmax.weigh(scores, first, T, scale, shrink);
    GPU_UNROLL
    for (int e = 0; e < E / 8; e++) {
      GPU_UNROLL
      for (int i = 0; i < 4; i++) y[e][i] *= shrink[i / 2];
    }
    GPU_UNROLL
    for (int j = 0; j < kTile / kStep; j++) {
      if (first + j * kStep < T) weigh_lines<E>(y, scores[2 * j], scores[2 * j + 1], values + buffer * kSize, j * kStep);
    }
  });
  if (first_row >= Q) return;  // the whole warp

  GPU_UNROLL
  for (int half = 0; half < 2; half++) {
    const float total = row_sum(softmax.sum[half]);
    GPU_UNROLL
    for (int e = 0; e < E / 8; e++) {
      y[e][2 * half] /= total;
      y[e][2 * half + 1] /= total;
    }
    const int t = first_row + lane_of() / 4 + 8 * half;
    if (t < Q && lane_of() % 4 == 0) op.logsumexp[token_offset(op, head) + t] = (softmax.highest[half] + log2f(total)) * kLn2;
  }
  store_lines<E>(y, queries, op.y.as_bf16() + head_offset(op, head), pitch_y, first_row, Q);
}

// ---- Backward: P = exp(scale q k^T - logsumexp), dS = P (dy v^T - delta) scale; dq = dS k, dk = dS^T q, dv = P^T dy

template <int E>
__global__ void __launch_bounds__(kThreads) dq_tile(AttentionBackward op, const float *delta) {
  constexpr int kSize = kTile * E;
  DYNAMIC_SHARED(memory);
  bf16 *queries = reinterpret_cast<bf16 *>(memory), *dys = queries + kSize, *keys = dys + kSize, *values = keys + 2 * kSize;
  const TileOfHead tile = tile_of_block(op, op.T, kTile);
  const Head head = tile.head;
  const int T = static_cast<int>(op.T), Q = static_cast<int>(op.Q), first_query = static_cast<int>(tile.first),
            first_row = first_query + warp_line();
  const int pitch_y = static_cast<int>(op.A) * E, pitch = 3 * pitch_y;
  const float scale = 1 / sqrtf(static_cast<float>(E));
  const auto part = [&](int which, int first) {
    return Tokens{op.qkv.as_bf16() + part_offset(op, head, which), pitch, first, which == 0 ? Q : T};
  };

  uint32_t q[E / 16][4], dy[E / 16][4];
  float dq[E / 8][4] = {}, logsumexp[2], deltas[2];
  const auto store = [&] {
    if (first_row < T) store_lines<E>(dq, queries, op.dqkv.as_bf16() + part_offset(op, head, 0), pitch, first_row, T);
  };
  if (first_query >= Q) return store();  // the whole block, zeros
  GPU_UNROLL
  for (int half = 0; half < 2; half++) {
    const int t = first_row + lane_of() / 4 + 8 * half;
    logsumexp[half] = t < Q ? op.logsumexp[token_offset(op, head) + t] * kLog2E : 0.0f;
    deltas[half] = t < Q ? delta[token_offset(op, head) + t] : 0.0f;
  }
  const auto start = [&](int first, int buffer) {
    if (first == 0) {
      copy_tile<E>(queries, part(0, first_query));
      copy_tile<E>(dys, {op.dy.as_bf16() + head_offset(op, head), pitch_y, first_query, Q});
    }
    copy_tile<E>(keys + buffer * kSize, part(1, first));
    copy_tile<E>(values + buffer * kSize, part(2, first));
  };
  walk_tiles(T, start, [&](int first, int buffer) {
    if (first_row >= T) return;  // the whole warp
    if (first == 0) {
      load_lines<E>(q, queries);
      load_lines<E>(dy, dys);
    }
    const int end = min(kTile, T - first);
    for (int key = 0; key < end; key += kStep) {
      float ds[2][4] = {}, dp[2][4] = {};
      dot_lines<E>(ds[0], ds[1], q, keys + buffer * kSize, key);
      dot_lines<E>(dp[0], dp[1], dy, values + buffer * kSize, key);
      GPU_UNROLL
      for (int j = 0; j < 2; j++) {
        GPU_UNROLL
        for (int i = 0; i < 4; i++) {
          const bool inside = key + 8 * j + lane_of() % 4 * 2 + i % 2 < end;
          const float p = inside ? exp2f(ds[j][i] * (scale * kLog2E) - logsumexp[i / 2]) : 0.0f;
          ds[j][i] = p * (dp[j][i] - deltas[i / 2]) * scale;
        }
      }
      weigh_lines<E>(dq, ds[0], ds[1], keys + buffer * kSize, key);
    }
  });
  store();
}

template <int E>
__global__ void __launch_bounds__(kThreads) dk_dv_tile(AttentionBackward op, const float *delta) {
  constexpr int kSize = kTile * E;
  DYNAMIC_SHARED(memory);
  bf16 *keys = reinterpret_cast<bf16 *>(memory), *values = keys + kSize, *queries = values + kSize, *dys = queries + 2 * kSize;
  // logsumexp in powers of 2, delta
  SHARED(float, [2][kTile][2], of_query);
  const TileOfHead tile = tile_of_block(op, op.T, kTile);
  const Head head = tile.head;
  const int T = static_cast<int>(op.T), Q = static_cast<int>(op.Q), first_key = static_cast<int>(tile.first),
            first_row = first_key + warp_line();
  const int pitch_y = static_cast<int>(op.A) * E, pitch = 3 * pitch_y;
  const float scale = 1 / sqrtf(static_cast<float>(E));
  const auto part = [&](int which, int first) {
    return Tokens{op.qkv.as_bf16() + part_offset(op, head, which), pitch, first, which == 0 ? Q : T};
  };

  uint32_t k[E / 16][4], v[E / 16][4];
  float dk[E / 8][4] = {}, dv[E / 8][4] = {};
  const auto start = [&](int first, int buffer) {
    if (first == 0) {
      copy_tile<E>(keys, part(1, first_key));
      copy_tile<E>(values, part(2, first_key));
    }
    copy_tile<E>(queries + buffer * kSize, part(0, first));
    copy_tile<E>(dys + buffer * kSize, {op.dy.as_bf16() + head_offset(op, head), pitch_y, first, Q});
    if (const int line = static_cast<int>(threadIdx.x), t = first + line; line < kTile) {
      const int64_t at = token_offset(op, head) + t;
      // Beyond Q the tiles hold zeros, so weights there add nothing to the sums.
      of_query[buffer][line][0] = t < Q ? op.logsumexp[at] * kLog2E : 0.0f;
      of_query[buffer][line][1] = t < Q ? delta[at] : 0.0f;
    }
  };
  walk_tiles(Q, start, [&](int first, int buffer) {
    if (first_row >= T) return;  // the whole warp
    if (first == 0) {
      load_lines<E>(k, keys);
      load_lines<E>(v, values);
    }
    const int end = min(kTile, Q - first);
    for (int query = 0; query < end; query += kStep) {
      float p[2][4] = {}, ds[2][4] = {};
      dot_lines<E>(p[0], p[1], k, queries + buffer * kSize, query);
      dot_lines<E>(ds[0], ds[1], v, dys + buffer * kSize, query);
      GPU_UNROLL
      for (int j = 0; j < 2; j++) {
        GPU_UNROLL
        for (int i = 0; i < 4; i++) {
          const auto &[logsumexp, delta_of] = of_query[buffer][query + 8 * j + lane_of() % 4 * 2 + i % 2];
          p[j][i] = exp2f(p[j][i] * (scale * kLog2E) - logsumexp);
          ds[j][i] = p[j][i] * (ds[j][i] - delta_of) * scale;
        }
      }
      weigh_lines<E>(dv, p[0], p[1], dys + buffer * kSize, query);
      weigh_lines<E>(dk, ds[0], ds[1], queries + buffer * kSize, query);
    }
  });
  if (first_row >= T) return;  // the whole warp
  store_lines<E>(dk, keys, op.dqkv.as_bf16() + part_offset(op, head, 1), pitch, first_row, T);
  store_lines<E>(dv, values, op.dqkv.as_bf16() + part_offset(op, head, 2), pitch, first_row, T);
}

constexpr size_t bytes_of_tiles(int64_t count, int64_t E) { return static_cast<size_t>(count * kTile * E) * sizeof(bf16); }

template <int E>
void launch_backward(const AttentionBackward &op, const float *delta) {
  GPU_LAUNCH(dq_tile<E>, grid_of_tiles(op, op.T, kTile), kThreads, bytes_of_tiles(6, E), op, delta);
  GPU_LAUNCH(dk_dv_tile<E>, grid_of_tiles(op, op.T, kTile), kThreads, bytes_of_tiles(6, E), op, delta);
}

}  // namespace

bool takes_tensor_attention(Storage storage, int64_t E) { return (E == 32 || E == 64) && gpu::on_tensor_cores(storage); }

void tensor_attention_forward(const AttentionForward &op) {
  if (op.E == 32)
    GPU_LAUNCH(forward_tile<32>, grid_of_tiles(op, op.Q, kTile), kThreads, bytes_of_tiles(5, 32), op);
  else
    GPU_LAUNCH(forward_tile<64>, grid_of_tiles(op, op.Q, kTile), kThreads, bytes_of_tiles(5, 64), op);
}

void tensor_attention_backward(const AttentionBackward &op, const float *delta) {
  if (op.E == 32)
    launch_backward<32>(op, delta);
  else
    launch_backward<64>(op, delta);
}

}  // namespace distill::cuda
