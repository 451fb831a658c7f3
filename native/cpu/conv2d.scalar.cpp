#include "cpu/image_layout.h"
#include "cpu/threads.h"
#include "cpu/variants.h"

namespace distill::scalar {

void conv2d_forward(const Conv2dForward &a) {
  const ImageLayout in(a.hwnc, a.N, a.H * a.W), out(a.hwnc, a.N, a.P * a.Q);
  parallel_for(a.N * a.P, [&](int64_t row) {
    const int64_t n = row / a.P, p = row % a.P;
    for (int64_t q = 0; q < a.Q; q++) {
      for (int64_t o = 0; o < a.O; o++) {
        double sum = a.bias ? a.bias[o] : 0;
        for (int64_t r = 0; r < a.R; r++) {
          const int64_t h = p * a.stride + r - a.top;
          if (h < 0 || h >= a.H) continue;
          for (int64_t s = 0; s < a.S; s++) {
            const int64_t w = q * a.stride + s - a.left;
            if (w < 0 || w >= a.W) continue;
            const Floats x = a.x + in.at(n, h * a.W + w) * a.C;
            const float *weight = a.weight + (o * a.C * a.R + r) * a.S + s;
            for (int64_t c = 0; c < a.C; c++) sum += double(x[c]) * as_factor(weight[c * a.R * a.S], a.x.storage);
          }
        }
        a.y[out.at(n, p * a.Q + q) * a.O + o] = float(sum);
      }
    }
  });
}

void conv2d_norm_forward(const Conv2dNormForward &a) {
  conv2d_forward(a.conv);
  batch_norm_forward_eval(a.norm);
}

void conv2d_backward_input(const Conv2dBackwardInput &a) {
  const ImageLayout in(a.hwnc, a.N, a.H * a.W), out(a.hwnc, a.N, a.P * a.Q);
  parallel_for(a.N * a.H, [&](int64_t row) {
    const int64_t n = row / a.H, h = row % a.H;
    for (int64_t w = 0; w < a.W; w++) {
      for (int64_t c = 0; c < a.C; c++) {
        double sum = 0;
        for (int64_t r = 0; r < a.R; r++) {
          const int64_t top = h + a.top - r, p = top / a.stride;
          if (top < 0 || top % a.stride || p >= a.P) continue;
          for (int64_t s = 0; s < a.S; s++) {
            const int64_t left = w + a.left - s, q = left / a.stride;
            if (left < 0 || left % a.stride || q >= a.Q) continue;
            const Floats dy = a.dy + out.at(n, p * a.Q + q) * a.O;
            const float *weight = a.weight + (c * a.R + r) * a.S + s;
            for (int64_t o = 0; o < a.O; o++) sum += double(dy[o]) * as_factor(weight[o * a.C * a.R * a.S], a.dx.storage);
          }
        }
        a.dx[in.at(n, h * a.W + w) * a.C + c] = float(sum);
      }
    }
  });
}

void conv2d_backward_weight(const Conv2dBackwardWeight &a) {
  const ImageLayout in(a.hwnc, a.N, a.H * a.W), out(a.hwnc, a.N, a.P * a.Q);
  parallel_for(a.O * a.C, [&](int64_t oc) {
    const int64_t o = oc / a.C, c = oc % a.C;
    for (int64_t r = 0; r < a.R; r++) {
      for (int64_t s = 0; s < a.S; s++) {
        double sum = 0;
        for (int64_t n = 0; n < a.N; n++) {
          for (int64_t p = 0; p < a.P; p++) {
            const int64_t h = p * a.stride + r - a.top;
            if (h < 0 || h >= a.H) continue;
            for (int64_t q = 0; q < a.Q; q++) {
              const int64_t w = q * a.stride + s - a.left;
              if (w < 0 || w >= a.W) continue;
              sum += double(a.x[in.at(n, h * a.W + w) * a.C + c]) * a.dy[out.at(n, p * a.Q + q) * a.O + o];
            }
          }
        }
        a.dweight[(oc * a.R + r) * a.S + s] = float(sum);
      }
    }
  });
  if (!a.dbias) return;
  parallel_for(a.O, [&](int64_t o) {
    double sum = 0;
    for (int64_t row = 0; row < a.N * a.P * a.Q; row++) sum += a.dy[row * a.O + o];
    a.dbias[o] = float(sum);
  });
}

}  // namespace distill::scalar
