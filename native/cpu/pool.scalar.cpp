#include <algorithm>
#include <cmath>

#include "cpu/image_layout.h"
#include "cpu/threads.h"
#include "cpu/variants.h"

namespace distill::scalar {

void average_pool_forward(const AveragePoolForward &a) {
  const int64_t pixels = a.H * a.W;
  const ImageLayout in(a.hwnc, a.N, pixels);
  parallel_for(a.N, [&](int64_t n) {
    for (int64_t c = 0; c < a.C; c++) {
      double sum = 0;
      for (int64_t i = 0; i < pixels; i++) sum += a.x[in.at(n, i) * a.C + c];
      a.y[n * a.C + c] = float(sum / pixels);
    }
  });
}

void average_pool_backward(const AveragePoolBackward &a) {
  const int64_t pixels = a.H * a.W;
  const ImageLayout in(a.hwnc, a.N, pixels);
  parallel_for(a.N, [&](int64_t n) {
    for (int64_t i = 0; i < pixels; i++) {
      for (int64_t c = 0; c < a.C; c++) a.dx[in.at(n, i) * a.C + c] = a.dy[n * a.C + c] / pixels;
    }
  });
}

// No window lies entirely in the padding, because padding <= kernel / 2. NaN wins over everything, as in PyTorch.
void max_pool_forward(const MaxPoolForward &a) {
  const ImageLayout in(a.hwnc, a.N, a.H * a.W), out(a.hwnc, a.N, a.P * a.Q);
  parallel_for(a.N * a.P, [&](int64_t row) {
    const int64_t n = row / a.P, p = row % a.P, top = p * a.stride - a.padding;
    for (int64_t q = 0; q < a.Q; q++) {
      const int64_t left = q * a.stride - a.padding, to = out.at(n, p * a.Q + q) * a.C;
      for (int64_t c = 0; c < a.C; c++) {
        int64_t winner = -1;
        float most = 0;
        for (int64_t h = std::max<int64_t>(top, 0); h < std::min(top + a.kernel, a.H); h++) {
          for (int64_t w = std::max<int64_t>(left, 0); w < std::min(left + a.kernel, a.W); w++) {
            const float x = a.x[in.at(n, h * a.W + w) * a.C + c];
            if (winner >= 0 && !(x > most) && !std::isnan(x)) continue;
            winner = h * a.W + w;
            most = x;
          }
        }
        a.y[to + c] = most;
        a.indices[to + c] = int32_t(winner);
      }
    }
  });
}

void max_pool_backward(const MaxPoolBackward &a) {
  const ImageLayout in(a.hwnc, a.N, a.H * a.W), out(a.hwnc, a.N, a.P * a.Q);
  parallel_for(a.N, [&](int64_t n) {
    for (int64_t i = 0; i < a.H * a.W; i++) {
      for (int64_t c = 0; c < a.C; c++) a.dx[in.at(n, i) * a.C + c] = 0;
    }
    for (int64_t i = 0; i < a.P * a.Q; i++) {
      for (int64_t c = 0; c < a.C; c++) {
        const int64_t from = out.at(n, i) * a.C + c;
        a.dx[in.at(n, a.indices[from]) * a.C + c] += a.dy[from];
      }
    }
  });
}

}  // namespace distill::scalar
