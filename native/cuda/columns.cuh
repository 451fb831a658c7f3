// Sums of the columns of a matrix: a thread takes 8 columns of some rows, a block 64 columns of a chunk of rows.
#pragma once

#include <algorithm>

#include "cuda/eight.cuh"
#include "cuda/workspace.h"

namespace distill::gpu {

constexpr int kColumnsWide = 8, kColumnsHigh = 32, kColumnsOfBlock = 8 * kColumnsWide;

// Just enough blocks to fill a GPU, because their sums must be added. Chosen by shape, so that the bits do not depend on the GPU.
inline int64_t rows_per_chunk(int64_t rows, int64_t columns) {
  constexpr int64_t kBlocks = 512, kLeast = 128;
  const int64_t chunks = std::max(kBlocks / blocks_for(columns, kColumnsOfBlock), int64_t{1});
  const int64_t per_chunk = std::max((rows + chunks - 1) / chunks, kLeast);
  return (per_chunk + kColumnsHigh - 1) / kColumnsHigh * kColumnsHigh;
}

// Q terms, or sums, of 8 columns
template <int Q>
struct Sums8 {
  Eight of[Q];
};
// and of one
template <int Q>
struct Sums {
  float of[Q];
};

// partial [chunks][Q][columns]
template <int Q, class Term>
__global__ void __launch_bounds__(kColumnsWide *kColumnsHigh)
    column_chunks(int64_t rows, int64_t columns, int64_t per_chunk, Term term, float *partial) {
  SHARED(float, [Q][kColumnsHigh][kColumnsOfBlock], shared);
  const int64_t first_column = int64_t{blockIdx.x} * kColumnsOfBlock, column = first_column + threadIdx.x * 8;
  const int64_t first = int64_t{blockIdx.y} * per_chunk, end = min(rows, first + per_chunk);
  const int count = static_cast<int>(min(columns - column, int64_t{8}));
  Sums8<Q> sums = {};
  for (int64_t row = first + threadIdx.y; row < end && count > 0; row += kColumnsHigh) {
    const Sums8<Q> terms = term(row, column, count);
    GPU_UNROLL
    for (int q = 0; q < Q; q++) {
      GPU_UNROLL
      for (int i = 0; i < 8; i++) sums.of[q].of[i] += terms.of[q].of[i];
    }
  }
  GPU_UNROLL
  for (int q = 0; q < Q; q++) store8({shared[q][threadIdx.y]}, threadIdx.x * 8, sums.of[q]);
  __syncthreads();
  const int mine = static_cast<int>(threadIdx.y * kColumnsWide + threadIdx.x);
  if (mine >= kColumnsOfBlock || first_column + mine >= columns) return;
  GPU_UNROLL
  for (int q = 0; q < Q; q++) {
    float sum = 0;
    for (int i = 0; i < kColumnsHigh; i++) sum += shared[q][i][mine];
    partial[(blockIdx.y * Q + q) * columns + first_column + mine] = sum;
  }
}

constexpr int kTotalsWide = 32, kTotalsHigh = 32;

template <int Q, class Finish>
__global__ void __launch_bounds__(kTotalsWide *kTotalsHigh)
    column_totals(int64_t chunks, int64_t columns, const float *partial, Finish finish) {
  SHARED(float, [Q][kTotalsHigh][kTotalsWide], shared);
  const int64_t column = int64_t{blockIdx.x} * kTotalsWide + threadIdx.x;
  Sums<Q> sums = {};
  for (int64_t chunk = threadIdx.y; chunk < chunks && column < columns; chunk += kTotalsHigh) {
    GPU_UNROLL
    for (int q = 0; q < Q; q++) sums.of[q] += partial[(chunk * Q + q) * columns + column];
  }
  GPU_UNROLL
  for (int q = 0; q < Q; q++) shared[q][threadIdx.y][threadIdx.x] = sums.of[q];
  __syncthreads();
  if (threadIdx.y != 0 || column >= columns) return;
  GPU_UNROLL
  for (int q = 0; q < Q; q++) {
    for (int i = 1; i < kTotalsHigh; i++) sums.of[q] += shared[q][i][threadIdx.x];
  }
  finish(column, sums);
}

// Queues finish(column, sums) for the sums of partial [chunks][Q][columns] over the chunks.
template <int Q, class Finish>
void add_column_chunks(int64_t chunks, int64_t columns, const float *partial, const Finish &finish) {
  GPU_LAUNCH((column_totals<Q, Finish>), blocks_for(columns, kTotalsWide), dim3(kTotalsWide, kTotalsHigh), 0, chunks, columns, partial,
             finish);
}

// Queues finish(column, sums). sums.of[q] is the sum over all rows of term(row, column, count), added in an order that the shape fixes. A
// term covers columns column ... column + count - 1; count is 8, or less at the end of a row, and terms beyond count are not used.
template <int Q, class Term, class Finish>
void column_sums(int64_t rows, int64_t columns, const Term &term, const Finish &finish) {
  const int64_t per_chunk = rows_per_chunk(rows, columns), chunks = (rows + per_chunk - 1) / per_chunk;
  float *partial = workspace_of<float>(chunks * Q * columns);
  const dim3 grid(blocks_for(columns, kColumnsOfBlock), static_cast<unsigned>(chunks));
  GPU_LAUNCH((column_chunks<Q, Term>), grid, dim3(kColumnsWide, kColumnsHigh), 0, rows, columns, per_chunk, term, partial);
  add_column_chunks<Q>(chunks, columns, partial, finish);
}

// sums [columns] of x [rows, columns]
inline void sum_columns(Floats x, int64_t rows, int64_t columns, float *sums) {
  const auto term = [=] __device__(int64_t row, int64_t column, int count) { return Sums8<1>{{load8(x, row * columns + column, count)}}; };
  const auto finish = [=] __device__(int64_t column, const Sums<1> &totals) { sums[column] = totals.of[0]; };
  column_sums<1>(rows, columns, term, finish);
}

}  // namespace distill::gpu
