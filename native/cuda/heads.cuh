// The layout of the heads of attention: qkv and dqkv [N,T,3,A,E], y and dy [N,Q,A,E]. A block works on a tile of tokens of one head of one
// image.
#pragma once

#include "cuda/gpu.cuh"

namespace distill::cuda {

struct Head {
  int64_t n, a;
};

// All tiles of a head's `count` tokens, T or Q, then those of the next head, along x, the longest axis of a grid.
template <class Op>
dim3 grid_of_tiles(const Op &op, int64_t count, int tokens) {
  return gpu::blocks_for(count, tokens) * static_cast<unsigned>(op.N * op.A);
}
struct TileOfHead {
  Head head;
  int64_t first;  // token
};
template <class Op>
__device__ inline TileOfHead tile_of_block(const Op &op, int64_t count, int tokens) {
  const auto tiles = static_cast<unsigned>((count + tokens - 1) / tokens), A = static_cast<unsigned>(op.A);
  const unsigned head = blockIdx.x / tiles;
  return {{head / A, head % A}, int64_t{blockIdx.x % tiles} * tokens};
}

// Part 0 queries, 1 keys, 2 values of a head in qkv or dqkv, whose tokens are 3 A E apart.
template <class Op>
__device__ inline int64_t part_offset(const Op &op, const Head &head, int64_t part) {
  return (head.n * op.T * 3 + part) * op.A * op.E + head.a * op.E;
}

// A head in y or dy, whose tokens are A E apart.
template <class Op>
__device__ inline int64_t head_offset(const Op &op, const Head &head) {
  return (head.n * op.Q * op.A + head.a) * op.E;
}

// A head's first token in logsumexp and in delta [N,A,Q].
template <class Op>
__device__ inline int64_t token_offset(const Op &op, const Head &head) {
  return (head.n * op.A + head.a) * op.Q;
}

}  // namespace distill::cuda
