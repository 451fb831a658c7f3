#include "cpu/image_layout.h"
#include "cpu/threads.h"
#include "cpu/variants.h"

namespace distill::scalar {

void depthwise_conv2d_forward(const DepthwiseConv2dForward &a) {
  const ImageLayout in(a.hwnc, a.N, a.H * a.W), out(a.hwnc, a.N, a.P * a.Q);
  parallel_for(a.N * a.P, [&](int64_t row) {
    const int64_t n = row / a.P, p = row % a.P;
    for (int64_t q = 0; q < a.Q; q++) {
      for (int64_t c = 0; c < a.C; c++) {
        double sum = a.bias ? a.bias[c] : 0;
        for (int64_t r = 0; r < a.R; r++) {
          const int64_t h = p * a.stride + r - a.top;
          if (h < 0 || h >= a.H) continue;
          for (int64_t s = 0; s < a.S; s++) {
            const int64_t w = q * a.stride + s - a.left;
            if (w < 0 || w >= a.W) continue;
            sum += double(a.x[in.at(n, h * a.W + w) * a.C + c]) * as_factor(a.weight[(c * a.R + r) * a.S + s], a.x.storage);
          }
        }
        a.y[out.at(n, p * a.Q + q) * a.C + c] = float(sum);
      }
    }
  });
}

void depthwise_conv2d_norm_forward(const DepthwiseConv2dNormForward &a) {
  depthwise_conv2d_forward(a.conv);
  batch_norm_forward_eval(a.norm);
}

void depthwise_conv2d_backward_input(const DepthwiseConv2dBackwardInput &a) {
  const ImageLayout in(a.hwnc, a.N, a.H * a.W), out(a.hwnc, a.N, a.P * a.Q);
  parallel_for(a.N * a.H, [&](int64_t row) {
    const int64_t n = row / a.H, h = row % a.H;
    for (int64_t w = 0; w < a.W; w++) {
      for (int64_t c = 0; c < a.C; c++) {
        double sum = 0;
        for (int64_t r = 0; r < a.R; r++) {
          const int64_t from_top = h + a.top - r, p = from_top / a.stride;
          if (from_top < 0 || from_top % a.stride || p >= a.P) continue;
          for (int64_t s = 0; s < a.S; s++) {
            const int64_t from_left = w + a.left - s, q = from_left / a.stride;
            if (from_left < 0 || from_left % a.stride || q >= a.Q) continue;
            sum += double(a.dy[out.at(n, p * a.Q + q) * a.C + c]) * as_factor(a.weight[(c * a.R + r) * a.S + s], a.dx.storage);
          }
        }
        a.dx[in.at(n, h * a.W + w) * a.C + c] = float(sum);
      }
    }
  });
}

void depthwise_conv2d_backward_weight(const DepthwiseConv2dBackwardWeight &a) {
  const ImageLayout in(a.hwnc, a.N, a.H * a.W), out(a.hwnc, a.N, a.P * a.Q);
  parallel_for(a.C, [&](int64_t c) {
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
              sum += double(a.x[in.at(n, h * a.W + w) * a.C + c]) * a.dy[out.at(n, p * a.Q + q) * a.C + c];
            }
          }
        }
        a.dweight[(c * a.R + r) * a.S + s] = float(sum);
      }
    }
    if (!a.dbias) return;
    double sum = 0;
    for (int64_t row = 0; row < a.N * a.P * a.Q; row++) sum += a.dy[row * a.C + c];
    a.dbias[c] = float(sum);
  });
}

}  // namespace distill::scalar
