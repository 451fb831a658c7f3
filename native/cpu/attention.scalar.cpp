#include <algorithm>
#include <cmath>

#include "cpu/threads.h"
#include "cpu/variants.h"

namespace distill::scalar {

namespace {

// Rows of q, k, v (or their gradients) of one head in a packed tensor [N,T,3,A,E], or of y [N,Q,A,E].
struct Head {
  int64_t n, a, T, Q, A, E;

  int64_t packed(int64_t which, int64_t t) const { return (((n * T + t) * 3 + which) * A + a) * E; }
  int64_t plain(int64_t t) const { return ((n * Q + t) * A + a) * E; }
  int64_t row(int64_t t) const { return (n * A + a) * Q + t; }
};
enum { kQ, kK, kV };

double dot(Floats a, Floats b, int64_t size) {
  double sum = 0;
  for (int64_t i = 0; i < size; ++i) sum += double{a[i]} * b[i];
  return sum;
}

template <class Op, class Body>
void for_each_head(const Op &op, const Body &body) {
  parallel_for(op.N * op.A, [&](int64_t i) { body(Head{i / op.A, i % op.A, op.T, op.Q, op.A, op.E}); });
}

void forward_row(const AttentionForward &op, const Head &head, int64_t t) {
  auto *scores = static_cast<double *>(scratch(0, op.T * static_cast<int64_t>(sizeof(double))));
  auto *sum = static_cast<double *>(scratch(1, op.E * static_cast<int64_t>(sizeof(double))));
  const double scale = 1 / std::sqrt(static_cast<double>(op.E));
  double largest = -INFINITY, total = 0;
  for (int64_t s = 0; s < op.T; ++s) {
    scores[s] = scale * dot(op.qkv + head.packed(kQ, t), op.qkv + head.packed(kK, s), op.E);
    largest = std::max(largest, scores[s]);
  }
  for (int64_t s = 0; s < op.T; ++s) total += scores[s] = std::exp(scores[s] - largest);
  std::fill_n(sum, op.E, 0.0);
  for (int64_t s = 0; s < op.T; ++s)
    for (int64_t e = 0; e < op.E; ++e) sum[e] += scores[s] * op.qkv[head.packed(kV, s) + e];
  for (int64_t e = 0; e < op.E; ++e) op.y[head.plain(t) + e] = static_cast<float>(sum[e] / total);
  op.logsumexp[head.row(t)] = static_cast<float>(largest + std::log(total));
}

// P = softmax row, dP = dy v^T, dS = P (dP - dy.y): dq = scale dS k, dk = scale dS^T q, dv = P^T dy. sums [3,T,E] belong to the whole head.
void backward_row(const AttentionBackward &op, const Head &head, int64_t t, double *sums) {
  const double scale = 1 / std::sqrt(static_cast<double>(op.E));
  const Floats q = op.qkv + head.packed(kQ, t), dy = op.dy + head.plain(t);
  const double dy_y = dot(dy, op.y + head.plain(t), op.E);
  const auto sum = [&](int64_t which, int64_t s) { return sums + (which * op.T + s) * op.E; };
  for (int64_t s = 0; s < op.T; ++s) {
    const Floats k = op.qkv + head.packed(kK, s), v = op.qkv + head.packed(kV, s);
    const double p = std::exp(scale * dot(q, k, op.E) - op.logsumexp[head.row(t)]);
    const double ds = scale * p * (dot(dy, v, op.E) - dy_y);
    for (int64_t e = 0; e < op.E; ++e) {
      sum(kQ, t)[e] += ds * k[e];
      sum(kK, s)[e] += ds * q[e];
      sum(kV, s)[e] += p * dy[e];
    }
  }
}

}  // namespace

void attention_forward(const AttentionForward &op) {
  for_each_head(op, [&](const Head &head) {
    for (int64_t t = 0; t < op.Q; ++t) forward_row(op, head, t);
  });
}

void attention_backward(const AttentionBackward &op) {
  for_each_head(op, [&](const Head &head) {
    auto *sums = static_cast<double *>(scratch(0, 3 * op.T * op.E * static_cast<int64_t>(sizeof(double))));
    std::fill_n(sums, 3 * op.T * op.E, 0.0);
    for (int64_t t = 0; t < op.Q; ++t) backward_row(op, head, t, sums);
    for (int64_t which = 0; which < 3; ++which)
      for (int64_t t = 0; t < op.T; ++t)
        for (int64_t e = 0; e < op.E; ++e) op.dqkv[head.packed(which, t) + e] = static_cast<float>(sums[(which * op.T + t) * op.E + e]);
  });
}

}  // namespace distill::scalar
