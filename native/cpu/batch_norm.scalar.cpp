#include <algorithm>
#include <cmath>

#include "cpu/threads.h"
#include "cpu/variants.h"

namespace distill::scalar {

namespace {

double activated(double x, Activation activation) {
  if (activation == Activation::none || x != x) return x;
  return std::clamp(x, 0.0, activation == Activation::relu6 ? 6.0 : INFINITY);
}

bool passes(float y, Activation activation) { return y > 0 && (activation == Activation::relu || y < 6); }

// Both passes end the same way: y = activation(x * scale + shift + residual), here for one channel.
template <class Arguments>
void apply(const Arguments &a, int64_t c, double mean, double rstd) {
  for (int64_t i = c; i < a.M * a.C; i += a.C) {
    double y = (a.x[i] - mean) * rstd * a.weight[c] + a.bias[c];
    if (a.residual) y += a.residual[i];
    a.y[i] = float(activated(y, a.activation));
  }
}

}  // namespace

void batch_norm_forward_train(const BatchNormForwardTrain &a) {
  parallel_for(a.C, [&](int64_t c) {
    double sum = 0, squares = 0;
    for (int64_t i = c; i < a.M * a.C; i += a.C) sum += a.x[i];
    const double mean = sum / a.M;
    for (int64_t i = c; i < a.M * a.C; i += a.C) squares += (a.x[i] - mean) * (a.x[i] - mean);
    const double rstd = 1 / std::sqrt(squares / a.M + a.eps);
    const double unbiased = squares / std::max<int64_t>(a.M - 1, 1);
    a.mean[c] = float(mean);
    a.rstd[c] = float(rstd);
    a.running_mean[c] += a.momentum * (float(mean) - a.running_mean[c]);
    a.running_var[c] += a.momentum * (float(unbiased) - a.running_var[c]);
    apply(a, c, mean, rstd);
  });
}

void batch_norm_forward_eval(const BatchNormForwardEval &a) {
  parallel_for(a.C, [&](int64_t c) { apply(a, c, a.running_mean[c], 1 / std::sqrt(double(a.running_var[c]) + a.eps)); });
}

// With g the masked dy and u = (x - mean) rstd: dbias = sum g, dweight = sum g u, dx = weight rstd (g - dbias/M - u dweight/M)
void batch_norm_backward(const BatchNormBackward &a) {
  parallel_for(a.C, [&](int64_t c) {
    const auto masked = [&](int64_t i) { return a.activation == Activation::none || passes(a.y[i], a.activation) ? a.dy[i] : 0.0f; };
    const auto normalised = [&](int64_t i) { return (double(a.x[i]) - a.mean[c]) * a.rstd[c]; };
    double dbias = 0, dweight = 0;
    for (int64_t i = c; i < a.M * a.C; i += a.C) {
      dbias += masked(i);
      dweight += masked(i) * normalised(i);
    }
    a.dbias[c] = float(dbias);
    a.dweight[c] = float(dweight);
    for (int64_t i = c; i < a.M * a.C; i += a.C) {
      const float g = masked(i);
      if (a.dresidual) a.dresidual[i] = g;
      a.dx[i] = float(double(a.weight[c]) * a.rstd[c] * (g - (dbias + normalised(i) * dweight) / a.M));
    }
  });
}

}  // namespace distill::scalar
