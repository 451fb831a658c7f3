// Loss, gradient and accuracy of a batch in one sweep over its rows, in double precision: a row has few classes, and differences of
// logits divided by a temperature of 0.05 need the digits.
#include <algorithm>
#include <cmath>

#include "cpu/threads.h"
#include "cpu/variants.h"

namespace distill::scalar {
namespace {

// log softmax(logits / temperature). The highest logit is taken off first, so that no exponential overflows.
class LogSoftmax {
 public:
  LogSoftmax(const float *logits, int64_t K, double temperature)
      : logits_(logits), highest_(*std::max_element(logits, logits + K)), temperature_(temperature) {
    double sum = 0;
    for (int64_t k = 0; k < K; ++k) sum += std::exp((*this)[k]);
    log_sum_ = std::log(sum);
  }

  double operator[](int64_t k) const { return (logits_[k] - highest_) / temperature_ - log_sum_; }

 private:
  const float *logits_;
  double highest_, temperature_, log_sum_ = 0;
};

struct Sums {
  double cross_entropy = 0, divergence = 0;
  int64_t correct = 0;
};

void add_row(const DistillationLoss &a, int64_t n, Sums &sums) {
  const float *student = a.student + n * a.K;
  const int32_t label = a.labels[n];
  const double T = a.temperature, alpha = a.teacher ? a.alpha : 0;
  const LogSoftmax at_one(student, a.K, 1);
  sums.cross_entropy -= at_one[label];
  sums.correct += std::max_element(student, student + a.K) - student == label;

  float *dstudent = a.dstudent ? a.dstudent + n * a.K : nullptr;
  const double scale = 1.0 / static_cast<double>(a.N);
  if (!a.teacher) {
    for (int64_t k = 0; dstudent && k < a.K; ++k) dstudent[k] = static_cast<float>(scale * (std::exp(at_one[k]) - (k == label)));
    return;
  }
  const LogSoftmax log_p(a.teacher + n * a.K, a.K, T), log_q(student, a.K, T);
  for (int64_t k = 0; k < a.K; ++k) {
    const double p = std::exp(log_p[k]);
    sums.divergence += p * (log_p[k] - log_q[k]);
    if (!dstudent) continue;
    const double dce = std::exp(at_one[k]) - (k == label), dkd = T * (std::exp(log_q[k]) - p);
    dstudent[k] = static_cast<float>(scale * (alpha * dkd + (1 - alpha) * dce));
  }
}

}  // namespace

void distillation_loss(const DistillationLoss &a) {
  constexpr int64_t kRows = 16;
  const int64_t chunks = (a.N + kRows - 1) / kRows;
  Sums *sums = static_cast<Sums *>(scratch(0, chunks * static_cast<int64_t>(sizeof(Sums))));
  parallel_for(chunks, [&](int64_t chunk) {
    sums[chunk] = {};
    for (int64_t n = chunk * kRows; n < std::min(a.N, (chunk + 1) * kRows); ++n) add_row(a, n, sums[chunk]);
  });

  Sums total;
  for (int64_t chunk = 0; chunk < chunks; ++chunk) {
    total.cross_entropy += sums[chunk].cross_entropy;
    total.divergence += sums[chunk].divergence;
    total.correct += sums[chunk].correct;
  }
  const double alpha = a.teacher ? a.alpha : 0, T = a.temperature, N = static_cast<double>(a.N);
  const double ce = total.cross_entropy / N, kd = T * T * total.divergence / N;
  a.metrics[0] = static_cast<float>(alpha * kd + (1 - alpha) * ce);
  a.metrics[1] = static_cast<float>(ce);
  a.metrics[2] = static_cast<float>(kd);
  a.metrics[3] = static_cast<float>(total.correct);
}

}  // namespace distill::scalar
