// Attention without a T x T matrix in memory: a block per tile of queries (or keys) of one head loops over the tiles of keys (or queries).
// Queries, keys and values are read in place in qkv [N,T,3,A,E]. The forward pass uses an online softmax (Milakov and Gimelshein 2018, Dao
// et al. 2022); the backward pass recomputes the probabilities from the stored logsumexp.
// Products are in fp32; tensor_attention.cu has those on tensor cores.
#include "cuda/eight.cuh"
#include "cuda/elementwise.cuh"
#include "cuda/errors.h"
#include "cuda/heads.cuh"
#include "cuda/launchers.h"
#include "cuda/tensor_attention.cuh"
#include "cuda/workspace.h"

namespace distill::cuda {

namespace {

// Threads form a 16 x 16 grid: ty handles rows ty, ty + 16 ... of a tile, tx columns tx, tx + 16 ...
constexpr int kThreads = 256, kSide = 16, kKeys = 32;
constexpr int64_t kWidestHead = 128;

// The rows of one head and image: row t is at base + t * pitch.
struct Rows {
  Floats base;
  int64_t pitch;
};

// Loads `count` rows, starting at `first`, to shared [count][E + 1], with zeros beyond T.
template <int count>
__device__ inline void load_rows(const Rows &rows, int64_t first, int64_t T, int64_t E, float *shared) {
  for (int64_t i = threadIdx.x; i < count * E; i += kThreads) {
    const int64_t row = i / E, e = i % E;
    shared[row * (E + 1) + e] = first + row < T ? rows.base[(first + row) * rows.pitch + e] : 0.0f;
  }
}

// products[i][j] = a[ty + 16 i] . b[tx + 16 j], rows of E values, E + 1 apart
template <int I, int J>
__device__ inline void dot_rows(const float *a, const float *b, int64_t E, float (&products)[I][J]) {
  const int ty = static_cast<int>(threadIdx.x) / kSide, tx = static_cast<int>(threadIdx.x) % kSide;
  for (int64_t e = 0; e < E; e++) {
    float left[I], right[J];
    GPU_UNROLL
    for (int i = 0; i < I; i++) left[i] = a[(ty + kSide * i) * (E + 1) + e];
    GPU_UNROLL
    for (int j = 0; j < J; j++) right[j] = b[(tx + kSide * j) * (E + 1) + e];
    GPU_UNROLL
    for (int i = 0; i < I; i++) {
      GPU_UNROLL
      for (int j = 0; j < J; j++) products[i][j] += left[i] * right[j];
    }
  }
}

// sums[i][j] += sum over k of weights(ty + 16 i, k) rows[k][tx + 16 j]; weights [*][pitch], or transposed
template <int I, int J, int K, bool transposed>
__device__ inline void weigh_rows(const float *weights, int pitch, const float *rows, int64_t E, float (&sums)[I][J]) {
  const int ty = static_cast<int>(threadIdx.x) / kSide, tx = static_cast<int>(threadIdx.x) % kSide;
  for (int k = 0; k < K; k++) {
    float weight[I];
    GPU_UNROLL
    for (int i = 0; i < I; i++) weight[i] = transposed ? weights[k * pitch + ty + kSide * i] : weights[(ty + kSide * i) * pitch + k];
    GPU_UNROLL
    for (int j = 0; j < J; j++) {
      const int64_t e = tx + kSide * j;
      const float value = e < E ? rows[k * (E + 1) + e] : 0.0f;
      GPU_UNROLL
      for (int i = 0; i < I; i++) sums[i][j] += weight[i] * value;
    }
  }
}

// Reduces over the 16 threads that share a row.
__device__ inline float row_max(float value) {
  GPU_UNROLL
  for (int distance = kSide / 2; distance; distance >>= 1) value = fmaxf(value, __shfl_xor_sync(~0u, value, distance));
  return value;
}
__device__ inline float row_sum(float value) {
  GPU_UNROLL
  for (int distance = kSide / 2; distance; distance >>= 1) value += __shfl_xor_sync(~0u, value, distance);
  return value;
}

template <int I, int J>
__global__ void __launch_bounds__(kThreads) attention_tile(AttentionForward op) {
  constexpr int kQueries = kSide * I, kPitch = kKeys + 1;
  DYNAMIC_SHARED(memory);
  const int64_t T = op.T, Q = op.Q, E = op.E;
  float *queries = reinterpret_cast<float *>(memory), *keys = queries + kQueries * (E + 1), *values = keys + kKeys * (E + 1),
        *weights = values + kKeys * (E + 1);
  const int ty = static_cast<int>(threadIdx.x) / kSide, tx = static_cast<int>(threadIdx.x) % kSide;
  const auto [head, first] = tile_of_block(op, Q, kQueries);
  const int64_t pitch = 3 * op.A * E;
  const float scale = 1 / sqrtf(static_cast<float>(E));
  load_rows<kQueries>({op.qkv + part_offset(op, head, 0), pitch}, first, Q, E, queries);

  float highest[I], sum[I] = {}, y[I][J] = {};
  GPU_UNROLL
  for (int i = 0; i < I; i++) highest[i] = -INFINITY;
  for (int64_t first_key = 0; first_key < T; first_key += kKeys) {
    load_rows<kKeys>({op.qkv + part_offset(op, head, 1), pitch}, first_key, T, E, keys);
    load_rows<kKeys>({op.qkv + part_offset(op, head, 2), pitch}, first_key, T, E, values);
    __syncthreads();
    float scores[I][kKeys / kSide] = {};
    dot_rows(queries, keys, E, scores);
    GPU_UNROLL
    for (int i = 0; i < I; i++) {
      float most = highest[i];
      GPU_UNROLL
      for (int j = 0; j < kKeys / kSide; j++) {
        scores[i][j] = first_key + tx + kSide * j < T ? scores[i][j] * scale : -INFINITY;
        most = fmaxf(most, scores[i][j]);
      }
      most = row_max(most);
      const float shrink = expf(highest[i] - most);
      highest[i] = most;
      sum[i] *= shrink;
      GPU_UNROLL
      for (int j = 0; j < J; j++) y[i][j] *= shrink;
      GPU_UNROLL
      for (int j = 0; j < kKeys / kSide; j++) {
        const float weight = expf(scores[i][j] - most);
        sum[i] += weight;
        weights[(ty + kSide * i) * kPitch + tx + kSide * j] = weight;
      }
    }
    __syncthreads();
    weigh_rows<I, J, kKeys, false>(weights, kPitch, values, E, y);
    // Wait before the next keys and values overwrite these.
    __syncthreads();
  }

  GPU_UNROLL
  for (int i = 0; i < I; i++) {
    const int64_t t = first + ty + kSide * i;
    const float total = row_sum(sum[i]);
    if (t >= Q) continue;
    GPU_UNROLL
    for (int j = 0; j < J; j++) {
      const int64_t e = tx + kSide * j;
      if (e < E) op.y[head_offset(op, head) + t * op.A * E + e] = y[i][j] / total;
    }
    if (tx == 0) op.logsumexp[token_offset(op, head) + t] = highest[i] + logf(total);
  }
}

// Shared by both halves of the backward pass: tiles of 32 queries and 32 keys, with
//   P = exp(scale q k^T - logsumexp), dS = P (dy v^T - delta), where delta holds the row sums of dy y.
struct Tiles {
  float *queries, *keys, *values, *dy, *p, *ds;  // [32][E + 1], p and ds [32][33]

  __device__ Tiles(unsigned char *memory, int64_t E) {
    const int64_t rows = kKeys * (E + 1);
    queries = reinterpret_cast<float *>(memory);
    keys = queries + rows;
    values = keys + rows;
    dy = values + rows;
    p = dy + rows;
    ds = p + kKeys * (kKeys + 1);
  }
  static size_t bytes(int64_t E) { return static_cast<size_t>(4 * kKeys * (E + 1) + 2 * kKeys * (kKeys + 1)) * sizeof(float); }
};

constexpr int kPer = kKeys / kSide;

__device__ inline void load_queries(const AttentionBackward &op, const Head &head, int64_t first, const Tiles &tiles) {
  load_rows<kKeys>({op.qkv + part_offset(op, head, 0), 3 * op.A * op.E}, first, op.Q, op.E, tiles.queries);
  load_rows<kKeys>({op.dy + head_offset(op, head), op.A * op.E}, first, op.Q, op.E, tiles.dy);
}
__device__ inline void load_keys(const AttentionBackward &op, const Head &head, int64_t first, const Tiles &tiles) {
  load_rows<kKeys>({op.qkv + part_offset(op, head, 1), 3 * op.A * op.E}, first, op.T, op.E, tiles.keys);
  load_rows<kKeys>({op.qkv + part_offset(op, head, 2), 3 * op.A * op.E}, first, op.T, op.E, tiles.values);
}

__device__ inline void weights_of_tile(const AttentionBackward &op, const Head &head, int64_t first_query, int64_t first_key,
                                       const float *delta, const Tiles &tiles) {
  const int ty = static_cast<int>(threadIdx.x) / kSide, tx = static_cast<int>(threadIdx.x) % kSide;
  const float scale = 1 / sqrtf(static_cast<float>(op.E));
  float scores[kPer][kPer] = {}, dp[kPer][kPer] = {};
  dot_rows(tiles.queries, tiles.keys, op.E, scores);
  dot_rows(tiles.dy, tiles.values, op.E, dp);
  GPU_UNROLL
  for (int i = 0; i < kPer; i++) {
    const int64_t t = first_query + ty + kSide * i, row = token_offset(op, head) + t;
    GPU_UNROLL
    for (int j = 0; j < kPer; j++) {
      const bool inside = t < op.Q && first_key + tx + kSide * j < op.T;
      const float p = inside ? expf(scores[i][j] * scale - op.logsumexp[row]) : 0.0f;
      const int at = (ty + kSide * i) * (kKeys + 1) + tx + kSide * j;
      tiles.p[at] = p;
      tiles.ds[at] = inside ? p * (dp[i][j] - delta[row]) * scale : 0.0f;
    }
  }
}

template <int J>
__device__ inline void store_rows(const AttentionBackward &op, const Head &head, int64_t part, int64_t first,
                                  const float (&rows)[kPer][J]) {
  const int ty = static_cast<int>(threadIdx.x) / kSide, tx = static_cast<int>(threadIdx.x) % kSide;
  GPU_UNROLL
  for (int i = 0; i < kPer; i++) {
    const int64_t t = first + ty + kSide * i;
    GPU_UNROLL
    for (int j = 0; j < J; j++) {
      const int64_t e = tx + kSide * j;
      if (t < op.T && e < op.E) op.dqkv[part_offset(op, head, part) + t * 3 * op.A * op.E + e] = rows[i][j];
    }
  }
}

// dq = dS k, zero for tokens Q and beyond
template <int J>
__global__ void __launch_bounds__(kThreads) attention_dq(AttentionBackward op, const float *delta) {
  DYNAMIC_SHARED(memory);
  const Tiles tiles(memory, op.E);
  const auto [head, first] = tile_of_block(op, op.T, kKeys);
  float dq[kPer][J] = {};
  load_queries(op, head, first, tiles);
  const int64_t end = first < op.Q ? op.T : 0;
  for (int64_t first_key = 0; first_key < end; first_key += kKeys) {
    load_keys(op, head, first_key, tiles);
    __syncthreads();
    weights_of_tile(op, head, first, first_key, delta, tiles);
    __syncthreads();
    weigh_rows<kPer, J, kKeys, false>(tiles.ds, kKeys + 1, tiles.keys, op.E, dq);
    __syncthreads();
  }
  store_rows(op, head, 0, first, dq);
}

// dk = dS^T q, dv = P^T dy
template <int J>
__global__ void __launch_bounds__(kThreads) attention_dk_dv(AttentionBackward op, const float *delta) {
  DYNAMIC_SHARED(memory);
  const Tiles tiles(memory, op.E);
  const auto [head, first] = tile_of_block(op, op.T, kKeys);
  float dk[kPer][J] = {}, dv[kPer][J] = {};
  load_keys(op, head, first, tiles);
  for (int64_t first_query = 0; first_query < op.Q; first_query += kKeys) {
    load_queries(op, head, first_query, tiles);
    __syncthreads();
    weights_of_tile(op, head, first_query, first, delta, tiles);
    __syncthreads();
    weigh_rows<kPer, J, kKeys, true>(tiles.ds, kKeys + 1, tiles.queries, op.E, dk);
    weigh_rows<kPer, J, kKeys, true>(tiles.p, kKeys + 1, tiles.dy, op.E, dv);
    __syncthreads();
  }
  store_rows(op, head, 1, first, dk);
  store_rows(op, head, 2, first, dv);
}

void expect_head(int64_t E) {
  if (E > kWidestHead) throw CudaError("attention: on the GPU a head may have at most 128 values, got " + std::to_string(E));
}

template <int I, int J>
void launch_forward(const AttentionForward &op) {
  const size_t shared = static_cast<size_t>((kSide * I + 2 * kKeys) * (op.E + 1) + kSide * I * (kKeys + 1)) * sizeof(float);
  GPU_LAUNCH((attention_tile<I, J>), grid_of_tiles(op, op.Q, kSide * I), kThreads, shared, op);
}

template <int J>
void launch_backward(const AttentionBackward &op, const float *delta) {
  const int room = gpu::device_attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin);
  if (Tiles::bytes(op.E) > static_cast<size_t>(room))
    throw CudaError("attention: the gradient of heads of " + std::to_string(op.E) + " values needs " + std::to_string(Tiles::bytes(op.E)) +
                    " bytes of shared memory, and this GPU has " + std::to_string(room));
  const dim3 grid = grid_of_tiles(op, op.T, kKeys);
  GPU_LAUNCH(attention_dq<J>, grid, kThreads, Tiles::bytes(op.E), op, delta);
  GPU_LAUNCH(attention_dk_dv<J>, grid, kThreads, Tiles::bytes(op.E), op, delta);
}

}  // namespace

void attention_forward(const AttentionForward &op) {
  if (takes_tensor_attention(op.qkv.storage, op.E)) return tensor_attention_forward(op);
  expect_head(op.E);
  if (op.E <= 32)
    launch_forward<4, 2>(op);
  else if (op.E <= 64)
    launch_forward<4, 4>(op);
  else
    launch_forward<2, 8>(op);
}

void attention_backward(const AttentionBackward &op) {
  expect_head(op.E);
  float *delta = gpu::workspace_of<float>(op.N * op.A * op.Q);
  for_each(op.N * op.A * op.Q, [=] __device__(int64_t i) {
    const int64_t t = i % op.Q, a = i / op.Q % op.A, n = i / op.Q / op.A, row = ((n * op.Q + t) * op.A + a) * op.E;
    float sum = 0;
    for (int64_t e = 0; e < op.E; e += 8) {
      const int count = static_cast<int>(min(op.E - e, int64_t{8}));
      const gpu::Eight dy = gpu::load8(op.dy, row + e, count), y = gpu::load8(op.y, row + e, count);
      GPU_UNROLL
      for (int j = 0; j < 8; j++) sum += dy.of[j] * y.of[j];
    }
    delta[i] = sum;
  });
  if (takes_tensor_attention(op.qkv.storage, op.E)) return tensor_attention_backward(op, delta);
  if (op.E <= 32)
    launch_backward<2>(op, delta);
  else if (op.E <= 64)
    launch_backward<4>(op, delta);
  else
    launch_backward<8>(op, delta);
}

}  // namespace distill::cuda
