// Loss, gradient and accuracy of a batch in one sweep over its rows, in double precision: a row has few classes, and differences of
// logits divided by a temperature of 0.05 need the digits.
#include <algorithm>
#include <cmath>

#include "cpu/distillation_loss.sums.h"
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

void add_row(const DistillationLoss &a, int64_t n, LossSums &sums) {
  const float *student = a.student + n * a.K;
  const int32_t label = a.labels[n];
  const double T = a.temperature, alpha = a.teacher ? a.alpha : 0, weight = a.weights ? a.weights[n] : 1;
  const LogSoftmax at_one(student, a.K, 1);
  sums.cross_entropy -= weight * at_one[label];
  sums.correct += weight > 0 && std::max_element(student, student + a.K) - student == label;

  float *dstudent = a.dstudent ? a.dstudent + n * a.K : nullptr;
  const double scale = 1.0 / static_cast<double>(a.N);
  if (!a.teacher) {
    for (int64_t k = 0; dstudent && k < a.K; ++k) dstudent[k] = static_cast<float>(scale * weight * (std::exp(at_one[k]) - (k == label)));
    return;
  }
  const LogSoftmax log_p(a.teacher + n * a.K, a.K, T), log_q(student, a.K, T);
  for (int64_t k = 0; k < a.K; ++k) {
    const double p = std::exp(log_p[k]);
    sums.divergence += p * (log_p[k] - log_q[k]);
    if (!dstudent) continue;
    const double dce = weight * (std::exp(at_one[k]) - (k == label)), dkd = T * (std::exp(log_q[k]) - p);
    dstudent[k] = static_cast<float>(scale * (alpha * dkd + (1 - alpha) * dce));
  }
}

}  // namespace

void distillation_loss(const DistillationLoss &a) {
  distillation_loss_by_rows(a, [&](int64_t begin, int64_t end, LossSums &sums) {
    for (int64_t n = begin; n < end; ++n) add_row(a, n, sums);
  });
}

}  // namespace distill::scalar
