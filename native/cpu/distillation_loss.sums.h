// How the rows of the distillation loss are split, and what their sums make.
#pragma once

#include "cpu/threads.h"
#include "ops.h"

namespace distill {
namespace {

struct LossSums {
  double cross_entropy, divergence;
  int64_t correct;
};

// Runs add_rows(begin, end, sums) for ranges of rows, which writes their gradients and adds to the sums, and writes loss and metrics.
template <class AddRows>
void distillation_loss_by_rows(const DistillationLoss &a, const AddRows &add_rows) {
  constexpr int64_t kRows = 32;
  const int64_t chunks = (a.N + kRows - 1) / kRows;
  auto *sums = static_cast<LossSums *>(scratch(0, chunks * static_cast<int64_t>(sizeof(LossSums))));
  parallel_for(chunks, [&](int64_t chunk) {
    const int64_t begin = chunk * kRows, end = begin + kRows;
    sums[chunk] = {};
    add_rows(begin, end < a.N ? end : a.N, sums[chunk]);
  });

  LossSums total{};
  for (int64_t chunk = 0; chunk < chunks; ++chunk) {
    total.cross_entropy += sums[chunk].cross_entropy;
    total.divergence += sums[chunk].divergence;
    total.correct += sums[chunk].correct;
  }
  const double alpha = a.teacher ? a.alpha : 0, T = a.temperature, N = static_cast<double>(a.N);
  const double ce = total.cross_entropy / N, kd = T * T * total.divergence / N;
  a.loss[0] = static_cast<float>(alpha * kd + (1 - alpha) * ce);
  a.metrics[0] = static_cast<float>(ce);
  a.metrics[1] = static_cast<float>(kd);
  a.metrics[2] = static_cast<float>(total.correct);
}

}  // namespace
}  // namespace distill
