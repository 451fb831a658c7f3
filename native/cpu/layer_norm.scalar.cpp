#include <cmath>

#include "cpu/threads.h"
#include "cpu/variants.h"

namespace distill::scalar {

void layer_norm_forward(const LayerNormForward &op) {
  parallel_for(op.M, [&](int64_t m) {
    const Floats x = op.x + m * op.D;
    double sum = 0, squares = 0;
    for (int64_t d = 0; d < op.D; ++d) sum += x[d];
    const double mean = sum / static_cast<double>(op.D);
    for (int64_t d = 0; d < op.D; ++d) squares += (x[d] - mean) * (x[d] - mean);
    const double rstd = 1 / std::sqrt(squares / static_cast<double>(op.D) + op.eps);
    for (int64_t d = 0; d < op.D; ++d) op.y[m * op.D + d] = static_cast<float>((x[d] - mean) * rstd * op.weight[d] + op.bias[d]);
    op.mean[m] = static_cast<float>(mean);
    op.rstd[m] = static_cast<float>(rstd);
  });
}

// With n = (x - mean) rstd and g = dy weight: dx = rstd (g - mean(g) - n mean(g n))
void layer_norm_backward(const LayerNormBackward &op) {
  parallel_for(op.M, [&](int64_t m) {
    const Floats x = op.x + m * op.D, dy = op.dy + m * op.D;
    const double mean = op.mean[m], rstd = op.rstd[m];
    double sum = 0, projected = 0;
    for (int64_t d = 0; d < op.D; ++d) {
      const double g = double{dy[d]} * op.weight[d];
      sum += g;
      projected += g * (x[d] - mean) * rstd;
    }
    sum /= static_cast<double>(op.D);
    projected /= static_cast<double>(op.D);
    for (int64_t d = 0; d < op.D; ++d)
      op.dx[m * op.D + d] = static_cast<float>(rstd * (double{dy[d]} * op.weight[d] - sum - (x[d] - mean) * rstd * projected));
  });
  parallel_for(op.D, [&](int64_t d) {
    double dweight = 0, dbias = 0;
    for (int64_t m = 0; m < op.M; ++m) {
      const double dy = op.dy[m * op.D + d];
      dweight += dy * (op.x[m * op.D + d] - op.mean[m]) * op.rstd[m];
      dbias += dy;
    }
    op.dweight[d] = static_cast<float>(dweight);
    op.dbias[d] = static_cast<float>(dbias);
  });
}

}  // namespace distill::scalar
