// Pooling: a thread per output, or, going back, per input, so that no two threads write one place.
#include "cuda/elementwise.cuh"
#include "cuda/launchers.h"

namespace distill::cuda {

void average_pool_forward(const AveragePoolForward &a) {
  for_each(a.N * a.C, [=] __device__(int64_t i) {
    const int64_t n = i / a.C, c = i % a.C, pixels = a.H * a.W;
    float sum = 0;
    for (int64_t pixel = 0; pixel < pixels; pixel++) sum += a.x[(n * pixels + pixel) * a.C + c];
    a.y[i] = sum / static_cast<float>(pixels);
  });
}

void average_pool_backward(const AveragePoolBackward &a) {
  for_each(a.N * a.H * a.W * a.C, [=] __device__(int64_t i) {
    const int64_t c = i % a.C, pixels = a.H * a.W, n = i / a.C / pixels;
    a.dx[i] = a.dy[n * a.C + c] / static_cast<float>(pixels);
  });
}

void max_pool_forward(const MaxPoolForward &a) {
  for_each(a.N * a.P * a.Q * a.C, [=] __device__(int64_t i) {
    const int64_t c = i % a.C, q = i / a.C % a.Q, p = i / a.C / a.Q % a.P, n = i / a.C / a.Q / a.P;
    const int64_t top = p * a.stride - a.padding, left = q * a.stride - a.padding;
    const int64_t first_h = max(top, int64_t{0}), end_h = min(top + a.kernel, a.H);
    const int64_t first_w = max(left, int64_t{0}), end_w = min(left + a.kernel, a.W);
    float best = -INFINITY;
    int64_t winner = first_h * a.W + first_w;
    for (int64_t h = first_h; h < end_h; h++) {
      for (int64_t w = first_w; w < end_w; w++) {
        const float value = a.x[((n * a.H + h) * a.W + w) * a.C + c];
        // NaN wins, as in PyTorch, and stays.
        if (!(value > best || value != value) || best != best) continue;
        best = value;
        winner = h * a.W + w;
      }
    }
    a.y[i] = best;
    a.indices[i] = static_cast<int32_t>(winner);
  });
}

// Which windows reach a pixel is not known here, so the gradients start from zero and each window's is sent to its winner; windows that
// overlap may share one, and are added in the order of the outputs: a thread per image and channel.
void max_pool_backward(const MaxPoolBackward &a) {
  const int64_t pixels = a.H * a.W, outputs = a.P * a.Q;
  for_each(a.N * pixels * a.C, [=] __device__(int64_t i) { a.dx[i] = 0; });
  for_each(a.N * a.C, [=] __device__(int64_t i) {
    const int64_t n = i / a.C, c = i % a.C;
    for (int64_t output = 0; output < outputs; output++) {
      const int64_t at = (n * outputs + output) * a.C + c;
      a.dx[(n * pixels + a.indices[at]) * a.C + c] += a.dy[at];
    }
  });
}

}  // namespace distill::cuda
