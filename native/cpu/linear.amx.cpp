// The fully connected layer by tiles. Where the activations are fp32, its products are fp32 products.
#include "cpu/linear.h"

#include "cpu/gelu_by_table.h"
#include "cpu/tile_products.h"
#include "cpu/variants.h"
#include "mlp.h"

namespace distill::amx {

namespace {

// Rows of a chunk of parallel work
constexpr int64_t kRows = 128;

// Calls body(first row, rows) for chunks of M rows, within a TileScope.
template <class Body>
void for_row_chunks(int64_t M, const Body &body) {
  parallel_for(ceil_div(M, kRows), [&](int64_t chunk) {
    const TileScope scope;
    body(chunk * kRows, least(kRows, M - chunk * kRows));
  });
}

TilePanels packed_forward(int slot, const LinearForward &op) {
  const TilePanels weight(slot, op.I, op.O);
  parallel_for(weight.count(), [&](int64_t panel) { pack_columns(weight, panel, op.weight, op.I); });
  return weight;
}

TilePanels packed_backward(int slot, const LinearBackwardInput &op) {
  const TilePanels weight(slot, op.O, op.I);
  parallel_for(weight.steps(), [&](int64_t step) { pack_rows(weight, step, op.weight, op.I); });
  return weight;
}

// Some rows of a product's result, which the next product takes as its left factor while they are in the cache.
struct RowsInCache {
  bf16 *data = nullptr;  // rows from `first` on, or null
  int64_t first = 0, columns = 0;

  [[gnu::always_inline]] void store(int64_t m, int64_t column, Vec16 low, Vec16 high) const {
    if (data) store_line(data + (m - first) * columns + column, narrow(low, high));
  }
};

// What becomes of 32 sums of a row. The results of a layer go to `copy` too.
struct FinishForward {
  LinearForward op;
  const GeluTable &table = gelu_table();
  bool stream = streams(op.y, op.O, op.M *op.O), stream_grad = op.gelu_grad && streams(op.gelu_grad, op.O, op.M *op.O);
  RowsInCache copy = {};

  [[gnu::always_inline]] void operator()(int64_t m, int64_t o, int64_t count, Vec16 low, Vec16 high) const {
    const int64_t at = m * op.O + o;
    if (op.bias) {
      const TwoVectors bias = load_32({op.bias + o, Storage::f32}, count);
      low += bias.low;
      high += bias.high;
    }
    if (op.gelu || op.gelu_grad) {
      const Gelu<Vec16> first = gelu_by_table(table, low), second = gelu_by_table(table, high);
      if (op.gelu) {
        low = first.value;
        high = second.value;
      }
      if (op.gelu_grad) store_numbers(op.gelu_grad + at, count, first.derivative, second.derivative, stream_grad);
    }
    if (op.residual) {
      const TwoVectors residual = load_32(op.residual + at, count);
      low += residual.low;
      high += residual.high;
    }
    copy.store(m, o, low, high);
    store_numbers(op.y + at, count, low, high, stream);
  }
};

struct FinishBackward {
  LinearBackwardInput op;
  bool stream = streams(op.dx, op.I, op.M *op.I);
  RowsInCache copy = {};

  [[gnu::always_inline]] void operator()(int64_t m, int64_t i, int64_t count, Vec16 low, Vec16 high) const {
    const int64_t at = m * op.I + i;
    if (op.gelu_grad) {
      const TwoVectors slope = load_32(op.gelu_grad + at, count);
      low *= slope.low;
      high *= slope.high;
    }
    copy.store(m, i, low, high);
    store_numbers(op.dx + at, count, low, high, stream);
  }
};

// Two products in turn for each chunk of rows: the first one's rows, as left factor of the second, never leave the cache.
template <class First, class Second>
void multiply_twice(const TileRows &left, const TilePanels &first_weight, First first, const TilePanels &second_weight,
                    const Second &second) {
  const int64_t columns = first_weight.N;
  for_row_chunks(left.M, [&](int64_t begin, int64_t rows) {
    First finish = first;
    finish.copy = {array_in_scratch<bf16>(kLeftRows, kRows * columns), begin, columns};
    multiply_rows(left, begin, begin + rows, first_weight, finish);
    const TileRows between{{finish.copy.data, Storage::bf16}, rows, columns, columns};
    multiply_rows(
        between, 0, rows,
        second_weight, [&](int64_t m, int64_t column, int64_t count, Vec16 low, Vec16 high) __attribute__((always_inline)) {
          second(begin + m, column, count, low, high);
        });
  });
}

// Whether rows between two layers are bf16 numbers in whole lines.
bool in_lines(Floats between, int64_t columns) { return between.storage == Storage::bf16 && columns % 32 == 0; }

}  // namespace

void linear_forward(const LinearForward &op) {
  if (op.x.storage == Storage::f32) return avx512::linear_forward(op);
  const TilePanels weight = packed_forward(kPackedWeight, op);
  const FinishForward finish{op};
  for_row_chunks(op.M, [&](int64_t begin, int64_t rows) { multiply_rows({op.x, op.M, op.I, op.I}, begin, begin + rows, weight, finish); });
}

void linear_backward_input(const LinearBackwardInput &op) {
  if (op.dx.storage == Storage::f32) return avx512::linear_backward_input(op);
  const TilePanels weight = packed_backward(kPackedWeight, op);
  const FinishBackward finish{op};
  for_row_chunks(op.M, [&](int64_t begin, int64_t rows) { multiply_rows({op.dy, op.M, op.O, op.O}, begin, begin + rows, weight, finish); });
}

void mlp_forward(const MlpForward &op) {
  const auto &[first, second] = op;
  if (first.x.storage == Storage::f32 || !in_lines(first.y, first.O)) return in_turn<linear_forward>(op);
  const TilePanels first_weight = packed_forward(kPackedWeight, first), second_weight = packed_forward(kPackedSecondWeight, second);
  multiply_twice({first.x, first.M, first.I, first.I}, first_weight, FinishForward{first}, second_weight, FinishForward{second});
}

void mlp_backward_input(const MlpBackwardInput &op) {
  const auto &[second, first] = op;
  if (first.dx.storage == Storage::f32 || !in_lines(second.dx, second.I)) return in_turn<linear_backward_input>(op);
  const TilePanels second_weight = packed_backward(kPackedSecondWeight, second), first_weight = packed_backward(kPackedWeight, first);
  multiply_twice({second.dy, second.M, second.O, second.O}, second_weight, FinishBackward{second}, first_weight, FinishBackward{first});
}

namespace {

// How dweight = dy^T x is split: into blocks, and the rows of x and dy into parts, whose sums are added in order. Packed factors and sums
// of a block fit the second-level cache. The number of parts is one or a multiple of four, so that up to four threads share the work
// evenly.
struct Split {
  static constexpr int64_t kInputs = 384, kOutputs = 384, kPart = 2048;
  int64_t I, O, parts, rows;

  Split(int64_t M, int64_t I, int64_t O) : I(I), O(O) {
    parts = M <= kPart ? 1 : 4 * ceil_div(M, 4 * kPart);
    rows = ceil_div(ceil_div(M, parts), 32) * 32;
  }
  int64_t across() const { return ceil_div(O, kOutputs); }
  int64_t blocks() const { return ceil_div(I, kInputs) * across(); }
};

}  // namespace

void linear_backward_weight(const LinearBackwardWeight &op) {
  if (op.x.storage == Storage::f32) return avx512::linear_backward_weight(op);
  const Split split(op.M, op.I, op.O);
  const int64_t size = op.O * op.I, others = split.parts - 1;
  float *parts = array_in_scratch<float>(kParts, others * (size + op.O)), *bias_parts = parts + others * size;
  // The blocks of a part follow each other, because they read the same rows.
  parallel_for(split.parts * split.blocks(), [&](int64_t chunk) {
    const int64_t part = chunk / split.blocks(), block = chunk % split.blocks();
    const int64_t i0 = block / split.across() * split.kInputs, o0 = block % split.across() * split.kOutputs;
    const int64_t begin = least(op.M, part * split.rows), rows = least(op.M - begin, split.rows);
    float *dweight = part ? parts + (part - 1) * size : op.dweight;
    float *dbias = part && op.dbias ? bias_parts + (part - 1) * op.O : op.dbias;
    const TileScope scope;
    multiply_transposed(rows, {op.dy + (begin * op.O + o0), least(split.kOutputs, op.O - o0), op.O},
                        {op.x + (begin * op.I + i0), least(split.kInputs, op.I - i0), op.I}, dweight + o0 * op.I + i0, op.I,
                        dbias && i0 == 0 ? dbias + o0 : nullptr);
  });
  if (!others) return;
  add_parts<Vec16>(op.dweight, parts, others, size);
  if (op.dbias) add_parts<Vec16>(op.dbias, bias_parts, others, op.O);
}

}  // namespace distill::amx
