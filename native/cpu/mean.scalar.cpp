// Means over a whole tensor in double precision: first the sums of ranges of a fixed length, then the sum over the ranges in order.
#include "cpu/elementwise.h"
#include "cpu/variants.h"

namespace distill::scalar {

namespace {

// Mean of term(i) for 0 <= i < size.
template <class Term>
float mean_of(int64_t size, const Term &term) {
  constexpr int64_t kLength = 16384;
  const int64_t ranges = (size + kLength - 1) / kLength;
  auto *sums = static_cast<double *>(scratch(0, ranges * static_cast<int64_t>(sizeof(double))));
  parallel_for(ranges, [&](int64_t range) {
    const int64_t end = (range + 1) * kLength < size ? (range + 1) * kLength : size;
    double sum = 0;
    for (int64_t i = range * kLength; i < end; ++i) sum += term(i);
    sums[range] = sum;
  });
  double total = 0;
  for (int64_t range = 0; range < ranges; ++range) total += sums[range];
  return static_cast<float>(total / static_cast<double>(size));
}

}  // namespace

void mean_forward(const MeanForward &op) {
  op.y[0] = mean_of(op.size, [&](int64_t i) { return double{op.x[i]}; });
}

void mean_backward(const MeanBackward &op) {
  const float dx = op.dy[0] / static_cast<float>(op.size);
  for_each_range(op.size, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) op.dx[i] = dx;
  });
}

void mean_square_forward(const MeanSquareForward &op) {
  op.y[0] = mean_of(op.size, [&](int64_t i) {
    const double difference = op.target ? double{op.x[i]} - double{op.target[i]} : double{op.x[i]};
    return difference * difference;
  });
}

void mean_square_backward(const MeanSquareBackward &op) {
  const float slope = op.dy[0] * 2 / static_cast<float>(op.size);
  for_each_range(op.size, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) op.dx[i] = slope * (op.target ? op.x[i] - op.target[i] : op.x[i]);
  });
}

}  // namespace distill::scalar
