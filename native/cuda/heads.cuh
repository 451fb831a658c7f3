// Where the heads of attention lie: qkv and dqkv [N,T,3,A,E], y and dy [N,T,A,E]; a block works on one head of one image.
#pragma once

#include "cuda/gpu.cuh"

namespace distill::cuda {

struct Head {
  int64_t n, a;
};
__device__ inline Head head_of_block(int64_t A) { return {blockIdx.y / A, blockIdx.y % A}; }

// Part 0 queries, 1 keys, 2 values of a head in qkv or dqkv, whose tokens are 3 A E apart.
template <class Op>
__device__ inline int64_t part_offset(const Op &op, const Head &head, int64_t part) {
  return (head.n * op.T * 3 + part) * op.A * op.E + head.a * op.E;
}

// A head in y or dy, whose tokens are A E apart.
template <class Op>
__device__ inline int64_t head_offset(const Op &op, const Head &head) {
  return (head.n * op.T * op.A + head.a) * op.E;
}

// A head's first token in logsumexp and in delta [N,A,T].
template <class Op>
__device__ inline int64_t token_offset(const Op &op, const Head &head) {
  return (head.n * op.A + head.a) * op.T;
}

}  // namespace distill::cuda
