// Attention by tiles. A thread takes one head of one image at a time and reads q, k and v in place in qkv. Where they are fp32, its
// products are fp32 products.
#include "cpu/attention.h"

#include "cpu/tile_products.h"
#include "cpu/variants.h"

namespace distill::amx {

namespace {

// Right factors are packed across the tokens, as k^T is, or down the tokens, as v is.
enum ForwardScratch { kKeysAcross, kValuesDown, kQueryCopies, kWeights, kScoreBlocks };
enum BackwardScratch { kQueriesAcross, kGradsAcross, kQueriesDown, kGradsDown, kKeysDown, kGradWeights, kKeyCopies, kQueryNumbers };
static_assert(static_cast<int>(kQueryNumbers) < kTileStrips);

constexpr float kLog2e = 1.44269504f;

// Calls body(head, ahead) for every head. `ahead` is how many numbers further on the rows of the next head of the thread begin, or 0: they
// are too far from each other for the processor to see them coming. A chunk of parallel work is all heads of an image if there are plenty
// of images.
template <class Op, class Body>
void for_each_tile_head(const Op &op, const Body &body) {
  constexpr int64_t kPlenty = 16;
  const int64_t heads = op.N < kPlenty ? 1 : op.A;
  parallel_for(op.N * op.A / heads, [&](int64_t chunk) {
    const TileScope scope;
    for (int64_t i = chunk * heads; i < (chunk + 1) * heads; ++i)
      body(Head{i / op.A, i % op.A, op.T, op.Q, op.A, op.E}, i + 1 < (chunk + 1) * heads ? op.E : 0);
  });
}

void prefetch_row(const bf16 *row, int64_t count) {
  for (int64_t e = 0; e < count; e += 32) __builtin_prefetch(row + e, 0, 2);
}
// q, k and v of a token
void prefetch_token(const bf16 *q, const Head &head) {
  for (int64_t which = kQ; which <= kV; ++which) prefetch_row(q + which * head.A * head.E, head.E);
}

// b [N,K], rows ldb apart, as the right factor b^T
TilePanels pack_across(int slot, int64_t K, int64_t N, const bf16 *b, int64_t ldb) {
  const TilePanels panels(slot, K, N);
  for (int64_t panel = 0; panel < panels.count(); ++panel) pack_columns(panels, panel, b, ldb);
  return panels;
}
// b [K,N], rows ldb apart, as the right factor b
TilePanels pack_down(int slot, int64_t K, int64_t N, const bf16 *b, int64_t ldb) {
  const TilePanels panels(slot, K, N);
  for (int64_t step = 0; step < panels.steps(); ++step) pack_rows(panels, step, b, ldb);
  return panels;
}

// The product of 32 rows and a panel, in tiles 0 to 3
[[gnu::always_inline]] inline void multiply_block(const TileStrip &strip, const TilePanels &panels, int64_t panel) {
  const int64_t steps = panels.steps();
  TileBlock::zero();
  for (int64_t step = 0; step < steps; ++step) {
    const bf16 *upper = strip.rows + step * 32;
    TileBlock::add_product<true>(upper, upper + 8 * strip.stride, strip.stride, panels.at(panel, step));
  }
}

int64_t whole_steps(int64_t count) { return ceil_div(count, 32) * 32; }
// From one bf16 row to the next, in numbers: an odd number of lines, so that rows fall into different sets of the cache.
int64_t row_pitch(int64_t count) { return (ceil_div(count, 32) | 1) * 32; }
// From one block of 32 x 32 sums to the next, likewise
constexpr int64_t kBlockPitch = 32 * 32 + 16;

// ---- Forward

// 32 rows of scores, of which `rows` exist, on their way to y
struct ScoreRows {
  const float *scores = nullptr;  // [blocks of 32 tokens][32][32]
  int64_t first = 0, rows = 0, weighed = 0;
  alignas(64) float largest[32] = {}, total[32] = {};
};

// to [T] = exp(scale (scores - largest)) for row i, zeros up to a whole step
[[gnu::always_inline]] inline void weigh_row(ScoreRows &block, int64_t i, int64_t T, float scale, bf16 *to) {
  const float *scores = block.scores + 32 * i;
  const int64_t whole = T / 32, rest = T % 32;
  const Vec16 none = broadcast<Vec16>(-__builtin_inff());
  const auto some = [=](int64_t begin, int64_t count) __attribute__((always_inline)) {
    return lane_numbers<Vec16>() < static_cast<int32_t>(count - begin) ? load<Vec16>(scores + whole * kBlockPitch + begin) : none;
  };
  Vec16 most = none, second = none;
  for (int64_t j = 0; j < whole; ++j) {
    most = max(most, load<Vec16>(scores + j * kBlockPitch));
    second = max(second, load<Vec16>(scores + j * kBlockPitch + 16));
  }
  if (rest) most = max(most, some(0, rest));
  if (rest > 16) second = max(second, some(16, rest));
  block.largest[i] = reduce_max(max(most, second));

  const float shift = block.largest[i] * scale * kLog2e;
  const auto weight = [=](Vec16 score) __attribute__((always_inline)) { return rough_exp2(score * (scale * kLog2e) - shift); };
  Vec16 sum{};
  for (int64_t j = 0; j < whole; ++j) {
    const Vec16 low = weight(load<Vec16>(scores + j * kBlockPitch)), high = weight(load<Vec16>(scores + j * kBlockPitch + 16));
    sum += low + high;
    store_line(to + 32 * j, narrow(low, high));
  }
  if (rest) {
    const Vec16 low = first_lanes(weight(load<Vec16>(scores + whole * kBlockPitch)), rest);
    const Vec16 high = rest > 16 ? first_lanes(weight(load<Vec16>(scores + whole * kBlockPitch + 16)), rest - 16) : Vec16{};
    sum += low + high;
    store_line(to + 32 * whole, narrow(low, high));
  }
  block.total[i] = reduce_sum(sum);
}

// Scores of 32 queries at a time. Their softmax is computed while the tiles compute the scores of the next 32.
void head_forward(const AttentionForward &op, const Head &head, int64_t ahead) {
  const int64_t T = op.T, Q = op.Q, E = op.E, ld = head.packed_ld(), pitch = row_pitch(T);
  const bf16 *qkv = op.qkv.as_bf16();
  const float scale = 1.0f / __builtin_sqrtf(static_cast<float>(E));
  const TilePanels keys = pack_across(kKeysAcross, E, T, qkv + head.packed(kK), ld);
  const TilePanels values = pack_down(kValuesDown, T, E, qkv + head.packed(kV), ld);
  const TileRows queries{op.qkv + head.packed(kQ), Q, E, ld};
  bf16 *copy = array_in_scratch<bf16>(kQueryCopies, 32 * queries.depth()), *P = array_in_scratch<bf16>(kWeights, 32 * pitch);
  float *scores = array_in_scratch<float>(kScoreBlocks, 2 * keys.count() * kBlockPitch);
  const int64_t per_panel = ceil_div(32, keys.count());

  ScoreRows waiting;
  const auto weigh = [&](int64_t some) __attribute__((always_inline)) {
    for (const int64_t last = least(waiting.rows, waiting.weighed + some); waiting.weighed < last; ++waiting.weighed) {
      weigh_row(waiting, waiting.weighed, T, scale, P + waiting.weighed * pitch);
      if (ahead) prefetch_token(qkv + head.packed(kQ) + (waiting.first + waiting.weighed) * ld + ahead, head);
    }
  };
  const auto finish = [&] {
    weigh(32);
    alignas(64) float inverse[32];
    for (int64_t i = 0; i < waiting.rows; i += 16) {
      const Vec16 total = load<Vec16>(waiting.total + i);
      store(inverse + i, 1.0f / total);
      store_some(op.logsumexp + head.row() + waiting.first + i, load<Vec16>(waiting.largest + i) * scale + log(total),
                 least(16, waiting.rows - i));
    }
    const FloatsOut y = op.y + (head.plain() + waiting.first * head.plain_ld());
    multiply_rows(
        {{P, Storage::bf16}, 32, whole_steps(T), pitch}, 0, waiting.rows, values,
        [ =, &inverse ](int64_t t, int64_t e, int64_t count, Vec16 low, Vec16 high) __attribute__((always_inline)) {
          store_numbers(y + (t * head.plain_ld() + e), count, low * inverse[t], high * inverse[t], false);
        });
  };
  for (int64_t first = 0; first < Q; first += 32) {
    const TileStrip strip = strip_at(queries, first, copy);
    float *block = scores + first / 32 % 2 * keys.count() * kBlockPitch;
    for (int64_t panel = 0; panel < keys.count(); ++panel) {
      multiply_block(strip, keys, panel);
      weigh(per_panel);
      TileBlock::store(block + panel * kBlockPitch);
    }
    if (first) finish();
    waiting.scores = block;
    waiting.first = first;
    waiting.rows = least(32, Q - first);
    waiting.weighed = 0;
  }
  finish();
}

// ---- Backward

// Of each query: logsumexp in powers of 2, and dy.y / sqrt(E). Zeros past Q, so that dS is 0 there.
struct QueryNumbers {
  float *logsumexp, *dots;
};

// Products for 32 keys and 32 queries
struct ProductBlock {
  float scores[32 * 32], grads[32 * 32];  // S^T, dP^T before their scaling
};

// Rows `begin` to `end` of a block, of which `queries` columns exist, as rows of P^T and dS^T, `pitch` apart
[[gnu::always_inline]] inline void weigh_block(const ProductBlock &block, int64_t begin, int64_t end, int64_t queries, float scale,
                                               const QueryNumbers &numbers, bf16 *P_t, bf16 *dS_t, int64_t pitch) {
  const Vec16 low_sum = load<Vec16>(numbers.logsumexp), high_sum = load<Vec16>(numbers.logsumexp + 16);
  const Vec16 low_dot = load<Vec16>(numbers.dots), high_dot = load<Vec16>(numbers.dots + 16);
  const auto weight = [=](const float *scores, Vec16 sum) __attribute__((always_inline)) {
    return rough_exp2(load<Vec16>(scores) * (scale * kLog2e) - sum);
  };
  for (int64_t i = begin; i < end; ++i) {
    const float *scores = block.scores + 32 * i, *grads = block.grads + 32 * i;
    const Vec16 low = weight(scores, low_sum), low_grad = low * (load<Vec16>(grads) * scale - low_dot);
    Vec16 high{}, high_grad{};
    if (queries > 16) {
      high = weight(scores + 16, high_sum);
      high_grad = high * (load<Vec16>(grads + 16) * scale - high_dot);
    }
    store_line(P_t + i * pitch, narrow(low, high));
    store_line(dS_t + i * pitch, narrow(low_grad, high_grad));
  }
}

// to [32 queries, 32 keys] = dS^T [32,32], of which `keys` rows exist, transposed
void transpose_block(const bf16 *dS_t, int64_t pitch, int64_t keys, bf16 *to, int64_t to_pitch) {
  with_rows(
      {dS_t, Storage::bf16}, pitch, keys, 32, [=](const auto &row) __attribute__((always_inline)) {
        const auto half = [&](int64_t place, Vec16 PairedRows::*part) __attribute__((always_inline)) {
          Vec16 rows[16];
#pragma GCC unroll 16
          for (int64_t i = 0; i < 16; ++i) rows[i] = pair_rows(row(2 * i), row(2 * i + 1)).*part;
          transpose(rows);
#pragma GCC unroll 16
          for (int64_t i = 0; i < 16; ++i) store_line(to + paired_column(place + i) * to_pitch, as<Bf16x32>(rows[i]));
        };
        half(0, &PairedRows::low);
        half(16, &PairedRows::high);
      });
}

QueryNumbers query_numbers(const AttentionBackward &op, const Head &head, float scale, float *to) {
  const int64_t Q = op.Q, padded = whole_steps(Q), ld = head.plain_ld();
  const bf16 *y = op.y.as_bf16() + head.plain(), *dy = op.dy.as_bf16() + head.plain();
  const QueryNumbers numbers{to, to + padded};
  for (int64_t t = 0; t < padded; ++t) {
    Vec16 sum{};
    for (int64_t e = 0; t < Q && e < op.E; e += 32) {
      const int64_t count = least(32, op.E - e);
      add_product<Pair>(sum, as<Vec16>(load_some_of_line(y + t * ld + e, count)), as<Vec16>(load_some_of_line(dy + t * ld + e, count)));
    }
    numbers.dots[t] = reduce_sum(sum) * scale;
    numbers.logsumexp[t] = t < Q ? op.logsumexp[head.row() + t] * kLog2e : 0;
  }
  return numbers;
}

// P = softmax(S), dP = dy v^T, dS = P (dP - dy.y) / sqrt(E): dq = dS k, dk = dS^T q, dv = P^T dy. The tiles compute S^T = k q^T and dP^T,
// 32 keys at a time: P^T and dS^T are then left factors as they come, and only dS is transposed. A block of P^T and dS^T is computed while
// the tiles compute the products of the next one.
void head_backward(const AttentionBackward &op, const Head &head, int64_t ahead) {
  const int64_t T = op.T, Q = op.Q, E = op.E, ld = head.packed_ld(), y_ld = head.plain_ld();
  const int64_t pitch = row_pitch(Q), key_pitch = row_pitch(T);
  const bf16 *qkv = op.qkv.as_bf16(), *q = qkv + head.packed(kQ), *k = qkv + head.packed(kK), *dy = op.dy.as_bf16() + head.plain();
  const float scale = 1.0f / __builtin_sqrtf(static_cast<float>(E));
  const TilePanels queries_across = pack_across(kQueriesAcross, E, Q, q, ld), grads_across = pack_across(kGradsAcross, E, Q, dy, y_ld);
  const TilePanels queries_down = pack_down(kQueriesDown, Q, E, q, ld), grads_down = pack_down(kGradsDown, Q, E, dy, y_ld);
  const TilePanels keys_down = pack_down(kKeysDown, T, E, k, ld);
  const TileRows keys{op.qkv + head.packed(kK), T, E, ld}, values{op.qkv + head.packed(kV), T, E, ld};

  // P^T and dS^T of 32 keys [32,Q]; dS [Q,T]
  bf16 *P_t = array_in_scratch<bf16>(kGradWeights, 2 * 32 * pitch + whole_steps(Q) * key_pitch);
  bf16 *dS_t = P_t + 32 * pitch, *dS = dS_t + 32 * pitch;
  bf16 *copies = array_in_scratch<bf16>(kKeyCopies, 2 * 32 * keys.depth());
  const QueryNumbers numbers = query_numbers(op, head, scale, array_in_scratch<float>(kQueryNumbers, 2 * whole_steps(Q)));

  const bool stream = streams(op.dqkv, E, op.N * T * ld);
  const auto to = [&](int64_t which, int64_t first) {
    return [ out = op.dqkv + (head.packed(which) + first * ld), ld, stream ](int64_t t, int64_t e, int64_t count, Vec16 low, Vec16 high)
        __attribute__((always_inline)) {
      store_numbers(out + (t * ld + e), count, low, high, stream);
    };
  };
  alignas(64) ProductBlock blocks[2];
  for (int64_t first = 0; first < T; first += 32) {
    const TileStrip key_strip = strip_at(keys, first, copies), value_strip = strip_at(values, first, copies + 32 * keys.depth());
    const int64_t rows = least(32, T - first);
    const auto weigh = [&](int64_t panel, int64_t begin, int64_t end) __attribute__((always_inline)) {
      if (panel < 0) return;
      const int64_t query = 32 * panel;
      weigh_block(blocks[panel % 2], least(begin, rows), least(end, rows), Q - query, scale,
                  {numbers.logsumexp + query, numbers.dots + query}, P_t + query, dS_t + query, pitch);
      if (end == 32) transpose_block(dS_t + query, pitch, rows, dS + query * key_pitch + first, key_pitch);
    };
    for (int64_t panel = 0; panel < queries_across.count(); ++panel) {
      ProductBlock &block = blocks[panel % 2];
      multiply_block(key_strip, queries_across, panel);
      weigh(panel - 1, 0, 16);
      TileBlock::store(block.scores);
      multiply_block(value_strip, grads_across, panel);
      weigh(panel - 1, 16, 32);
      TileBlock::store(block.grads);
    }
    weigh(queries_across.count() - 1, 0, 32);
    if (ahead) {
      for (int64_t t = first; t < first + rows; ++t) {
        prefetch_token(q + t * ld + ahead, head);
        if (t >= Q) continue;
        prefetch_row(dy + t * y_ld + ahead, E);
        prefetch_row(op.y.as_bf16() + head.plain() + t * y_ld + ahead, E);
      }
    }
    multiply_rows({{P_t, Storage::bf16}, 32, whole_steps(Q), pitch}, 0, rows, grads_down, to(kV, first));
    multiply_rows({{dS_t, Storage::bf16}, 32, whole_steps(Q), pitch}, 0, rows, queries_down, to(kK, first));
  }
  multiply_rows({{dS, Storage::bf16}, whole_steps(Q), whole_steps(T), key_pitch}, 0, Q, keys_down, to(kQ, 0));
  for (int64_t t = Q; t < T; ++t) __builtin_memset((op.dqkv + (head.packed(kQ) + t * ld)).data, 0, static_cast<size_t>(E) * sizeof(bf16));
}

}  // namespace

void attention_forward(const AttentionForward &op) {
  if (op.qkv.storage == Storage::f32) return avx512::attention_forward(op);
  for_each_tile_head(op, [&](const Head &head, int64_t ahead) { head_forward(op, head, ahead); });
}

void attention_backward(const AttentionBackward &op) {
  if (op.qkv.storage == Storage::f32) return avx512::attention_backward(op);
  for_each_tile_head(op, [&](const Head &head, int64_t ahead) { head_backward(op, head, ahead); });
}

}  // namespace distill::amx
