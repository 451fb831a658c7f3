// Class token and position embedding, and selecting one token or a range of them.
#include <algorithm>

#include "cpu/threads.h"
#include "cpu/variants.h"

namespace distill::scalar {

namespace {

void copy(Floats from, int64_t count, FloatsOut to) {
  for (int64_t i = 0; i < count; ++i) to[i] = from[i];
}

void zero(FloatsOut to, int64_t count) { std::fill(static_cast<char *>(to.data), static_cast<char *>((to + count).data), char{}); }

}  // namespace

void embed_tokens_forward(const EmbedTokensForward &a) {
  parallel_for(a.N, [&](int64_t n) {
    float *y = a.y + n * a.T * a.D;
    const Floats patches = a.patches + n * (a.T - 1) * a.D;
    for (int64_t i = 0; i < a.D; ++i) y[i] = a.class_token[i] + a.position[i];
    for (int64_t i = a.D; i < a.T * a.D; ++i) y[i] = patches[i - a.D] + a.position[i];
  });
}

// One token per task, so that the sums over the batch have a fixed order.
void embed_tokens_backward(const EmbedTokensBackward &a) {
  parallel_for(a.T, [&](int64_t t) {
    float *dposition = a.dposition + t * a.D;
    std::fill_n(dposition, a.D, 0.0f);
    for (int64_t n = 0; n < a.N; ++n) {
      const float *dy = a.dy + (n * a.T + t) * a.D;
      for (int64_t d = 0; d < a.D; ++d) dposition[d] += dy[d];
      if (t > 0) copy(Floats{dy}, a.D, a.dpatches + (n * (a.T - 1) + t - 1) * a.D);
    }
    if (t == 0) std::copy_n(dposition, a.D, a.dclass_token);
  });
}

void select_token_forward(const SelectTokenForward &a) {
  for (int64_t n = 0; n < a.N; ++n) copy(a.x + (n * a.T + a.index) * a.D, a.D, a.y + n * a.D);
}

void select_token_backward(const SelectTokenBackward &a) {
  parallel_for(a.N, [&](int64_t n) {
    const FloatsOut dx = a.dx + n * a.T * a.D;
    zero(dx, a.T * a.D);
    copy(a.dy + n * a.D, a.D, dx + a.index * a.D);
  });
}

void slice_tokens_forward(const SliceTokensForward &a) {
  parallel_for(a.N, [&](int64_t n) { copy(a.x + (n * a.T + a.begin) * a.D, a.L * a.D, a.y + n * a.L * a.D); });
}

void slice_tokens_backward(const SliceTokensBackward &a) {
  parallel_for(a.N, [&](int64_t n) {
    const FloatsOut dx = a.dx + n * a.T * a.D, behind = dx + (a.begin + a.L) * a.D;
    zero(dx, a.begin * a.D);
    copy(a.dy + n * a.L * a.D, a.L * a.D, dx + a.begin * a.D);
    zero(behind, (a.T - a.begin - a.L) * a.D);
  });
}

}  // namespace distill::scalar
