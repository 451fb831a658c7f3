#include "cpu/conv2d.h"

#include "cpu/variants.h"

namespace distill::avx512_bf16 {

void conv2d_forward(const Conv2dForward &op) {
  if (op.x.storage == Storage::f32) return avx512::conv2d_forward(op);
  distill::conv2d_forward<Vec16, Pair>(op);
}

void conv2d_norm_forward(const Conv2dNormForward &op) {
  if (op.conv.x.storage == Storage::f32) return avx512::conv2d_norm_forward(op);
  distill::conv2d_norm_forward<Vec16, Pair>(op);
}

void conv2d_backward_input(const Conv2dBackwardInput &op) {
  if (op.dy.storage == Storage::f32) return avx512::conv2d_backward_input(op);
  distill::conv2d_backward_input<Vec16, Pair>(op);
}

}  // namespace distill::avx512_bf16
