// Ops on the rows of a matrix: factors, sum, logarithm of the sum of exponentials, one-hot labels, the largest value's column.
#include <algorithm>
#include <cmath>

#include "cpu/threads.h"
#include "cpu/variants.h"

namespace distill::scalar {

namespace {

// Calls body(m) for every row, in chunks large enough to pay for waking a thread.
template <class Body>
void for_each_row(int64_t M, int64_t K, const Body &body) {
  constexpr int64_t kElements = 16384;
  const int64_t rows = std::max<int64_t>(1, kElements / K);
  parallel_for((M + rows - 1) / rows, [&](int64_t chunk) {
    for (int64_t m = chunk * rows; m < std::min(M, (chunk + 1) * rows); ++m) body(m);
  });
}

// Sum of exp(x - greatest) over the row x [K].
double sum_of_exponentials(const float *x, int64_t K, double greatest) {
  double sum = 0;
  for (int64_t k = 0; k < K; ++k) sum += std::exp(x[k] - greatest);
  return sum;
}

}  // namespace

void scale_rows_forward(const ScaleRowsForward &a) {
  for_each_row(a.M, a.K, [&](int64_t m) {
    for (int64_t k = m * a.K; k < (m + 1) * a.K; ++k) a.y[k] = a.x[k] * a.factors[m];
  });
}

void scale_rows_backward(const ScaleRowsBackward &a) {
  for_each_row(a.M, a.K, [&](int64_t m) {
    double sum = 0;
    for (int64_t k = m * a.K; k < (m + 1) * a.K; ++k) {
      sum += double{a.dy[k]} * a.x[k];
      a.dx[k] = a.dy[k] * a.factors[m];
    }
    a.dfactors[m] = static_cast<float>(sum);
  });
}

void sum_rows_forward(const SumRowsForward &a) {
  for_each_row(a.M, a.K, [&](int64_t m) {
    double sum = 0;
    for (int64_t k = 0; k < a.K; ++k) sum += a.x[m * a.K + k];
    a.y[m] = static_cast<float>(sum);
  });
}

void sum_rows_backward(const SumRowsBackward &a) {
  for_each_row(a.M, a.K, [&](int64_t m) { std::fill_n(a.dx + m * a.K, a.K, a.dy[m]); });
}

void log_sum_exp_forward(const LogSumExpForward &a) {
  for_each_row(a.M, a.K, [&](int64_t m) {
    const float *x = a.x + m * a.K;
    const double greatest = *std::max_element(x, x + a.K);
    a.y[m] = static_cast<float>(greatest + std::log(sum_of_exponentials(x, a.K, greatest)));
  });
}

void log_sum_exp_backward(const LogSumExpBackward &a) {
  for_each_row(a.M, a.K, [&](int64_t m) {
    const float *x = a.x + m * a.K;
    const double greatest = *std::max_element(x, x + a.K), slope = a.dy[m] / sum_of_exponentials(x, a.K, greatest);
    for (int64_t k = 0; k < a.K; ++k) a.dx[m * a.K + k] = static_cast<float>(std::exp(x[k] - greatest) * slope);
  });
}

void one_hot(const OneHot &a) {
  for_each_row(a.N, a.K, [&](int64_t n) {
    float *y = a.y + n * a.K;
    std::fill_n(y, a.K, 0.0f);
    y[a.labels[n]] = 1;
  });
}

void argmax(const Argmax &a) {
  for_each_row(a.M, a.K, [&](int64_t m) {
    const float *x = a.x + m * a.K;
    float most = -INFINITY;
    int64_t column = 0;
    for (int64_t k = 0; k < a.K; ++k) {
      if (x[k] > most) most = x[k], column = k;
    }
    a.y[m] = static_cast<int32_t>(column);
  });
}

}  // namespace distill::scalar
