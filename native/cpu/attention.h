// Attention for any vector type V of vec.h. A thread takes one head of one image at a time and reads q, k and v in place in qkv. The
// forward pass keeps a block of rows of the scores in scratch, the backward pass all scores of the head. Factors have type F as in gemm.h.
// With pairs, the head width E must be even, and probabilities and gradients of scores are bf16 factors too.
#pragma once

#include "cpu/exponentials.h"
#include "cpu/gemm.h"
#include "cpu/threads.h"
#include "ops.h"

namespace distill {
namespace {

enum AttentionScratch { kScores, kGradients, kKeys, kValues, kLeft, kRows, kStrips, kDots };

// Where the first token of one head begins, in a packed tensor [N,T,3,A,E] and in one like y [N,Q,A,E]. Tokens are 3*A*E and A*E apart.
struct Head {
  int64_t n, a, T, Q, A, E;

  int64_t packed(int64_t which) const { return (n * T * 3 + which) * A * E + a * E; }
  int64_t plain() const { return n * Q * A * E + a * E; }
  int64_t row() const { return (n * A + a) * Q; }
  int64_t packed_ld() const { return 3 * A * E; }
  int64_t plain_ld() const { return A * E; }
};
enum { kQ, kK, kV };

template <class Op, class Body>
void for_each_head(const Op &op, const Body &body) {
  parallel_for(op.N * op.A, [&](int64_t i) { body(Head{i / op.A, i % op.A, op.T, op.Q, op.A, op.E}); });
}

template <class V, class F>
Panels<V, F> pack_all_rows(int slot, int64_t K, int64_t N, Floats b, int64_t ldb) {
  const Panels<V, F> panels(slot, K, N);
  pack_rows(panels, 0, panels.steps(), b, ldb, b.storage);
  return panels;
}

template <class V, class F>
Panels<V, F> pack_all_columns(int slot, int64_t K, int64_t N, Floats b, int64_t ldb) {
  const Panels<V, F> panels(slot, K, N);
  for (int64_t panel = 0; panel < panels.count(); ++panel) pack_columns(panels, panel, b, ldb);
  return panels;
}

// The rows of a head, E numbers each, as left factors: in place, or widened to fp32.
template <class F>
struct HeadRows {
  const F *data;
  int64_t ld;
};
template <class V, class F>
HeadRows<F> head_rows(int slot, Floats rows, int64_t ld, int64_t count, int64_t E) {
  if constexpr (per_factor<F> == 2) {
    return {as_pairs(rows.as_bf16()), ld / 2};
  } else {
    if (rows.storage == Storage::f32) return {rows.f32(), ld};
    float *copy = array_in_scratch<float>(slot, count * E);
    for (int64_t t = 0; t < count; ++t) convert_run<V>(rows + t * ld, E, copy + t * E);
    return {copy, E};
  }
}

// The type of the numbers that make up a factor of type F
template <class F>
struct Numbers {
  using Type = float;
};
template <>
struct Numbers<Pair> {
  using Type = bf16;
};
inline const float *as_factors(const float *numbers) { return numbers; }
inline const Pair *as_factors(const bf16 *numbers) { return as_pairs(numbers); }

// Pitch of a row of scores: an odd number of whole vectors, so that rows fall into different sets of the cache.
template <class V>
int64_t score_pitch(int64_t T) {
  return (ceil_div(T, lanes<V>) | 1) * lanes<V>;
}

// to [T] = exp(scores - largest), zeros up to whole vectors. Returns the denominator of the softmax; sets logsumexp.
template <class V, class Number>
float exponentials(const float *scores, int64_t T, Number *to, float *logsumexp) {
  V largest = broadcast<V>(-__builtin_inff());
  int64_t whole = T / lanes<V> * lanes<V>, rest = T - whole;
  for (int64_t t = 0; t < whole; t += lanes<V>) largest = max(largest, load<V>(scores + t));
  float most = reduce_max(largest);
  for (int64_t t = whole; t < T; ++t) most = most < scores[t] ? scores[t] : most;
  V sum{};
  for (int64_t t = 0; t < T; t += lanes<V>) {
    const V e = exp_up_to_one(load<V>(scores + t) - most);
    const V kept = t < whole ? e : first_lanes(e, rest);
    store(to + t, kept);
    sum += kept;
  }
  const float total = reduce_sum(sum);
  *logsumexp = most + __builtin_logf(total);
  return total;
}

template <class V, class F>
void attention_head_forward(const AttentionForward &op, const Head &head) {
  using Number = typename Numbers<F>::Type;
  constexpr int64_t kRowBlock = 24;  // a multiple of every tile height
  const int64_t T = op.T, Q = op.Q, E = op.E, ld = head.packed_ld(), pitch = score_pitch<V>(T);
  const auto q = head_rows<V, F>(kLeft, op.qkv + head.packed(kQ), ld, Q, E);
  const float scale = 1.0f / __builtin_sqrtf(static_cast<float>(E));
  const auto keys = pack_all_columns<V, F>(kKeys, E, T, op.qkv + head.packed(kK), ld);
  const auto values = pack_all_rows<V, F>(kValues, T, E, op.qkv + head.packed(kV), ld);
  float *scores = array_in_scratch<float>(kScores, kRowBlock * pitch);
  Number *P = array_in_scratch<Number>(kRows, kRowBlock * pitch);
  const FloatsOut y = op.y + head.plain();
  for (int64_t begin = 0; begin < Q; begin += kRowBlock) {
    const int64_t rows = least(kRowBlock, Q - begin);
    multiply_rows(
        0, rows, q.data + begin * q.ld, q.ld,
        keys, [=](int64_t t, int64_t s, int64_t, V score) __attribute__((always_inline)) { store(scores + t * pitch + s, score * scale); });
    float inverse[kRowBlock];
    for (int64_t t = 0; t < rows; ++t)
      inverse[t] = 1.0f / exponentials<V>(scores + t * pitch, T, P + t * pitch, op.logsumexp + head.row() + begin + t);
    multiply_rows(
        0, rows, as_factors(P), pitch / per_factor<F>, values,
        [ =, &inverse ](int64_t t, int64_t e, int64_t count, V sum)
            __attribute__((always_inline)) { store_some(y + (begin + t) * head.plain_ld() + e, sum * inverse[t], count); });
  }
}

template <class V, class F = float>
void attention_forward(const AttentionForward &op) {
  for_each_head(op, [&](const Head &head) { attention_head_forward<V, F>(op, head); });
}

template <class V>
float dot(Floats a, Floats b, int64_t size) {
  V sum{};
  for (int64_t i = 0; i < size; i += lanes<V>) {
    const int64_t count = least(lanes<V>, size - i);
    sum += load_some<V>(a + i, count) * load_some<V>(b + i, count);
  }
  return reduce_sum(sum);
}

// a^T b for a [Q,T], passed to `finish` vector by vector
template <class V, class Finish>
void multiply_transposed(int64_t T, const float *a, int64_t lda, const Panels<V> &b, const Finish &finish) {
  multiply_rows<V, Left::columns>(0, T, a, lda, b, finish);
}
template <class V, class Finish>
void multiply_transposed(int64_t T, const bf16 *a, int64_t lda, const Panels<V, Pair> &b, const Finish &finish) {
  const Strips<V, Pair> strips(kStrips, b.K, T);
  pack_strips(strips, {a, Storage::bf16}, lda, Storage::bf16);
  multiply_strips(strips, b, finish);
}

// P = softmax(S), dP = dy v^T, dS = P (dP - dy.y) / sqrt(E): dq = dS k, dk = dS^T q, dv = P^T dy
template <class V, class F>
void attention_head_backward(const AttentionBackward &op, const Head &head) {
  using Number = typename Numbers<F>::Type;
  const int64_t T = op.T, Q = op.Q, E = op.E, ld = head.packed_ld(), y_ld = head.plain_ld(), pitch = score_pitch<V>(T);
  const float scale = 1.0f / __builtin_sqrtf(static_cast<float>(E));
  const Floats q = op.qkv + head.packed(kQ), k = op.qkv + head.packed(kK), v = op.qkv + head.packed(kV);
  const Floats y = op.y + head.plain(), dy = op.dy + head.plain();
  const auto q_rows = head_rows<V, F>(kLeft, q, ld, Q, E), dy_rows = head_rows<V, F>(kRows, dy, y_ld, Q, E);
  const float *logsumexp = op.logsumexp + head.row();
  Number *P = array_in_scratch<Number>(kScores, Q * pitch), *dS = array_in_scratch<Number>(kGradients, Q * pitch);
  float *dy_y = array_in_scratch<float>(kDots, Q);
  for (int64_t t = 0; t < Q; ++t) dy_y[t] = dot<V>(dy + t * y_ld, y + t * y_ld, E);

  multiply_rows(
      0, Q, q_rows.data, q_rows.ld,
      pack_all_columns<V, F>(kKeys, E, T, k, ld), [=](int64_t t, int64_t s, int64_t count, V score) __attribute__((always_inline)) {
        store(P + t * pitch + s, first_lanes(exp_up_to_one(score * scale - logsumexp[t]), count));
      });
  multiply_rows(
      0, Q, dy_rows.data, dy_rows.ld,
      pack_all_columns<V, F>(kValues, E, T, v, ld), [=](int64_t t, int64_t s, int64_t, V dp) __attribute__((always_inline)) {
        store(dS + t * pitch + s, load<V>(P + t * pitch + s) * (dp - dy_y[t]) * scale);
      });

  const auto to = [&](int64_t which) {
    return [ out = op.dqkv + head.packed(which), ld ](int64_t t, int64_t e, int64_t count, V sum) __attribute__((always_inline)) {
      store_some(out + t * ld + e, sum, count);
    };
  };
  multiply_rows(0, Q, as_factors(dS), pitch / per_factor<F>, pack_all_rows<V, F>(kKeys, T, E, k, ld), to(kQ));
  for (int64_t t = Q; t < T; ++t)
    for (int64_t e = 0; e < E; e += lanes<V>) to(kQ)(t, e, least(lanes<V>, E - e), V{});
  multiply_transposed(T, dS, pitch, pack_all_rows<V, F>(kKeys, Q, E, q, ld), to(kK));
  multiply_transposed(T, P, pitch, pack_all_rows<V, F>(kValues, Q, E, dy, y_ld), to(kV));
}

template <class V, class F = float>
void attention_backward(const AttentionBackward &op) {
  for_each_head(op, [&](const Head &head) { attention_head_backward<V, F>(op, head); });
}

}  // namespace
}  // namespace distill
