// The distillation loss for any vector type V of vec.h: as many rows at a time as a vector has lanes, one in each, so that nothing is
// summed across lanes whatever K is.
#pragma once

#include "cpu/distillation_loss.sums.h"
#include "cpu/exponentials.h"

namespace distill {
namespace {

enum LossScratch { kStudent = 1, kTeacher, kHard, kSoft, kSoftTeacher };  // 0: sums

template <class V>
V *columns_in_scratch(int slot, int64_t K) {
  return static_cast<V *>(scratch(slot, K * static_cast<int64_t>(sizeof(V))));
}

// Calls body(k) for squares of columns k ... k + lanes - 1 that cover [0, K), the last of which may overlap the one before.
template <class V, class Body>
void for_each_square(int64_t K, const Body &body) {
  for (int64_t k = 0; k + lanes<V> <= K; k += lanes<V>) body(k);
  if (K % lanes<V>) body(K - lanes<V>);
}

// columns [K] of vectors: `rows` rows of x [*,K] in their lanes, zeros in the others
template <class V>
void load_columns(const float *x, int64_t rows, int64_t K, V *columns) {
  if (K < lanes<V>) {
    for (int64_t k = 0; k < K; ++k) columns[k] = V{};
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t k = 0; k < K; ++k) columns[k][i] = x[i * K + k];
    return;
  }
  for_each_square<V>(K, [&](int64_t k) {
    V square[lanes<V>];
    for (int64_t i = 0; i < lanes<V>; ++i) square[i] = i < rows ? load<V>(x + i * K + k) : V{};
    transpose(square);
    for (int64_t i = 0; i < lanes<V>; ++i) columns[k + i] = square[i];
  });
}

template <class V>
void store_columns(const V *columns, int64_t rows, int64_t K, float *x) {
  if (K < lanes<V>) {
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t k = 0; k < K; ++k) x[i * K + k] = columns[k][i];
    return;
  }
  for_each_square<V>(K, [&](int64_t k) {
    V square[lanes<V>];
    for (int64_t i = 0; i < lanes<V>; ++i) square[i] = columns[k + i];
    transpose(square);
    for (int64_t i = 0; i < rows; ++i) store(x + i * K + k, square[i]);
  });
}

// Kahan's summation: T^2 magnifies what a sum over many classes loses.
template <class V>
void add_exactly(V &sum, V &lost, V value) {
  const V missing = value - lost, next = sum + missing;
  lost = (next - sum) - missing;
  sum = next;
}

// softmax(logits / T) of each lane, of logits less their greatest; exponentials [K] are kept in scratch.
template <class V>
struct Softmax {
  V sum{}, inverse_sum;
  const V *exponentials;

  Softmax(int slot, const V *logits, int64_t K, float temperature) {
    V *kept = columns_in_scratch<V>(slot, K), lost{};
    for (int64_t k = 0; k < K; ++k) add_exactly(sum, lost, kept[k] = exp(logits[k] * (1 / temperature)));
    exponentials = kept;
    inverse_sum = 1.0f / sum;
  }
  V operator[](int64_t k) const { return exponentials[k] * inverse_sum; }
};

template <class V>
V greatest(const V *logits, int64_t K) {
  V most = logits[0];
  for (int64_t k = 1; k < K; ++k) most = max(most, logits[k]);
  return most;
}

// Column of the first greatest logit of each lane; its logits become what they lack of it.
template <class V>
IntVec<V> subtract_greatest(V *logits, int64_t K) {
  const V most = greatest(logits, K);
  IntVec<V> first{};
  for (int64_t k = K - 1; k >= 0; --k) {
    first = logits[k] == most ? IntVec<V>{} + static_cast<int32_t>(k) : first;
    logits[k] -= most;
  }
  return first;
}

// Cross-entropy alone: the student's logits, less their greatest, become the gradient.
template <class V>
V hard_loss(V *student, int64_t K, IntVec<V> label, V scale) {
  const Softmax<V> q(kHard, student, K, 1);
  const V log_sum = log(q.sum);
  V loss{};
  for (int64_t k = 0; k < K; ++k) {
    const auto is_label = label == static_cast<int32_t>(k);
    loss += is_label ? log_sum - student[k] : V{};
    student[k] = (q[k] - (is_label ? broadcast<V>(1) : V{})) * scale;
  }
  return loss;
}

// log p - log q = (teacher - student) / T - log(sum of p / sum of q): of the quotient, which is near 1, the logarithm is exact to more
// digits than a difference of logarithms.
template <class V>
V soft_loss(V *student, const V *teacher, int64_t K, float T, float scale) {
  const Softmax<V> p(kSoftTeacher, teacher, K, T), q(kSoft, student, K, T);
  const V offset = log(p.sum * q.inverse_sum);
  V divergence{}, lost{};
  for (int64_t k = 0; k < K; ++k) {
    add_exactly(divergence, lost, p[k] * ((teacher[k] - student[k]) * (1 / T) - offset));
    student[k] = (q[k] - p[k]) * scale;
  }
  return divergence;
}

// Of rows begin ... begin + rows - 1, at most as many as there are lanes.
template <class V>
void add_rows(const DistillationLoss &a, int64_t begin, int64_t rows, LossSums &sums) {
  const int64_t K = a.K;
  const float scale = 1.0f / static_cast<float>(a.N);
  V *student = columns_in_scratch<V>(kStudent, K), *soft = columns_in_scratch<V>(kTeacher, 2 * K), *teacher = soft + K, divergence{};
  load_columns(a.student + begin * K, rows, K, student);
  const IntVec<V> predicted = subtract_greatest(student, K);
  IntVec<V> label{};
  V weight{};
  for (int64_t i = 0; i < rows; ++i) label[i] = a.labels[begin + i], weight[i] = a.weights ? a.weights[begin + i] : 1;

  if (a.teacher) {
    load_columns(a.teacher + begin * K, rows, K, teacher);
    subtract_greatest(teacher, K);
    for (int64_t k = 0; k < K; ++k) soft[k] = student[k];
    divergence = soft_loss(soft, teacher, K, a.temperature, a.alpha * a.temperature * scale);
  }
  const V cross_entropy = hard_loss(student, K, label, weight * (a.teacher ? (1 - a.alpha) * scale : scale));
  if (a.teacher)
    for (int64_t k = 0; k < K; ++k) student[k] += soft[k];
  if (a.dstudent) store_columns(student, rows, K, a.dstudent + begin * K);
  for (int64_t i = 0; i < rows; ++i) {
    sums.cross_entropy += weight[i] * cross_entropy[i];
    sums.divergence += divergence[i];
    sums.correct += weight[i] > 0 && predicted[i] == label[i];
  }
}

template <class V>
void distillation_loss(const DistillationLoss &a) {
  distillation_loss_by_rows(a, [&](int64_t begin, int64_t end, LossSums &sums) {
    for (; begin < end; begin += lanes<V>) add_rows<V>(a, begin, end - begin < lanes<V> ? end - begin : lanes<V>, sums);
  });
}

}  // namespace
}  // namespace distill
