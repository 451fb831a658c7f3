// Class token and position embedding, elementwise, and their sums over the batch.
#include "cuda/columns.cuh"
#include "cuda/elementwise.cuh"
#include "cuda/launchers.h"

namespace distill::cuda {

void embed_tokens_forward(const EmbedTokensForward &a) {
  for_each(a.N * a.T * a.D, [=] __device__(int64_t i) {
    const int64_t d = i % a.D, t = i / a.D % a.T, n = i / a.D / a.T;
    const float token = t == 0 ? a.class_token[d] : a.patches[(n * (a.T - 1) + t - 1) * a.D + d];
    a.y[i] = token + a.position[t * a.D + d];
  });
}

void embed_tokens_backward(const EmbedTokensBackward &a) {
  for_each(a.N * (a.T - 1) * a.D, [=] __device__(int64_t i) {
    const int64_t d = i % a.D, t = i / a.D % (a.T - 1), n = i / a.D / (a.T - 1);
    a.dpatches[i] = a.dy[(n * a.T + t + 1) * a.D + d];
  });
  const int64_t columns = a.T * a.D;
  const auto term = [=] __device__(int64_t n, int64_t i, int count) { return gpu::Sums8<1>{{gpu::load8({a.dy}, n * columns + i, count)}}; };
  const auto finish = [=] __device__(int64_t i, const gpu::Sums<1> &sums) {
    a.dposition[i] = sums.of[0];
    if (i < a.D) a.dclass_token[i] = sums.of[0];
  };
  gpu::column_sums<1>(a.N, columns, term, finish);
}

void select_token_forward(const SelectTokenForward &a) {
  for_each(a.N * a.D, [=] __device__(int64_t i) { a.y[i] = a.x[(i / a.D * a.T + a.index) * a.D + i % a.D]; });
}

void select_token_backward(const SelectTokenBackward &a) {
  for_each(a.N * a.T * a.D, [=] __device__(int64_t i) {
    const int64_t d = i % a.D, t = i / a.D % a.T, n = i / a.D / a.T;
    a.dx[i] = t == a.index ? a.dy[n * a.D + d] : 0.0f;
  });
}

void slice_tokens_forward(const SliceTokensForward &a) {
  const int64_t slice = a.L * a.D;
  for_each(a.N * slice, [=] __device__(int64_t i) { a.y[i] = a.x[i / slice * a.T * a.D + a.begin * a.D + i % slice]; });
}

void slice_tokens_backward(const SliceTokensBackward &a) {
  for_each(a.N * a.T * a.D, [=] __device__(int64_t i) {
    const int64_t d = i % a.D, t = i / a.D % a.T - a.begin, n = i / a.D / a.T;
    a.dx[i] = t >= 0 && t < a.L ? a.dy[(n * a.L + t) * a.D + d] : 0.0f;
  });
}

}  // namespace distill::cuda
