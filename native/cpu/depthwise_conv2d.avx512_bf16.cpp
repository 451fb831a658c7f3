#include "cpu/depthwise_conv2d.h"

#include "cpu/variants.h"

namespace distill::avx512_bf16 {

void depthwise_conv2d_forward(const DepthwiseConv2dForward &a) { distill::depthwise_conv2d_forward<Vec16>(a); }
void depthwise_conv2d_norm_forward(const DepthwiseConv2dNormForward &a) { distill::depthwise_conv2d_norm_forward<Vec16>(a); }
void depthwise_conv2d_backward_input(const DepthwiseConv2dBackwardInput &a) { distill::depthwise_conv2d_backward_input<Vec16>(a); }

}  // namespace distill::avx512_bf16
