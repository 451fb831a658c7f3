// Sums over the rows of a matrix, column by column.
#pragma once

#include "cuda/gpu.cuh"
#include "cuda/workspace.h"
#include "floats.h"

namespace distill::gpu {

constexpr int kColumnsWide = 32, kColumnsHigh = 8;
constexpr int64_t kRowsPerChunk = 512;

template <int Q>
struct Sums {
  float of[Q];
};

// partial [chunks][Q][columns]
template <int Q, class Term>
__global__ void __launch_bounds__(kColumnsWide *kColumnsHigh) column_chunks(int64_t rows, int64_t columns, Term term, float *partial) {
  SHARED(float, [Q][kColumnsHigh][kColumnsWide], shared);
  const int64_t column = int64_t{blockIdx.x} * kColumnsWide + threadIdx.x, first = int64_t{blockIdx.y} * kRowsPerChunk;
  const int64_t end = min(rows, first + kRowsPerChunk);
  Sums<Q> sums = {};
  for (int64_t row = first + threadIdx.y; row < end && column < columns; row += kColumnsHigh) {
    const Sums<Q> terms = term(row, column);
    GPU_UNROLL
    for (int q = 0; q < Q; q++) sums.of[q] += terms.of[q];
  }
  GPU_UNROLL
  for (int q = 0; q < Q; q++) shared[q][threadIdx.y][threadIdx.x] = sums.of[q];
  __syncthreads();
  if (threadIdx.y != 0 || column >= columns) return;
  GPU_UNROLL
  for (int q = 0; q < Q; q++) {
    float sum = 0;
    for (int i = 0; i < kColumnsHigh; i++) sum += shared[q][i][threadIdx.x];
    partial[(blockIdx.y * Q + q) * columns + column] = sum;
  }
}

template <int Q, class Finish>
__global__ void __launch_bounds__(128) column_totals(int64_t chunks, int64_t columns, const float *partial, Finish finish) {
  const int64_t column = int64_t{blockIdx.x} * 128 + threadIdx.x;
  if (column >= columns) return;
  Sums<Q> sums = {};
  for (int64_t chunk = 0; chunk < chunks; chunk++) {
    GPU_UNROLL
    for (int q = 0; q < Q; q++) sums.of[q] += partial[(chunk * Q + q) * columns + column];
  }
  finish(column, sums);
}

// Queues finish(column, sums) with sums.of[q] the sum of term(row, column).of[q] over all rows, added in an order that the shape fixes.
template <int Q, class Term, class Finish>
void column_sums(int64_t rows, int64_t columns, const Term &term, const Finish &finish) {
  const int64_t chunks = (rows + kRowsPerChunk - 1) / kRowsPerChunk;
  float *partial = workspace_of<float>(chunks * Q * columns);
  const dim3 grid(blocks_for(columns, kColumnsWide), static_cast<unsigned>(chunks));
  GPU_LAUNCH((column_chunks<Q, Term>), grid, dim3(kColumnsWide, kColumnsHigh), 0, rows, columns, term, partial);
  GPU_LAUNCH((column_totals<Q, Finish>), blocks_for(columns, 128), 128, 0, chunks, columns, partial, finish);
}

// sums [columns] of x [rows, columns]
inline void sum_columns(Floats x, int64_t rows, int64_t columns, float *sums) {
  const auto term = [=] __device__(int64_t row, int64_t column) { return Sums<1>{{x[row * columns + column]}}; };
  const auto finish = [=] __device__(int64_t column, const Sums<1> &totals) { sums[column] = totals.of[0]; };
  column_sums<1>(rows, columns, term, finish);
}

}  // namespace distill::gpu
