#include "cpu/depthwise_conv2d.h"

#include "cpu/variants.h"

namespace distill::avx2 {

void depthwise_conv2d_forward(const DepthwiseConv2dForward &a) { distill::depthwise_conv2d_forward<Vec8>(a); }
void depthwise_conv2d_norm_forward(const DepthwiseConv2dNormForward &a) { distill::depthwise_conv2d_norm_forward<Vec8>(a); }
void depthwise_conv2d_backward_input(const DepthwiseConv2dBackwardInput &a) { distill::depthwise_conv2d_backward_input<Vec8>(a); }
void depthwise_conv2d_backward_weight(const DepthwiseConv2dBackwardWeight &a) { distill::depthwise_conv2d_backward_weight<Vec8>(a); }

}  // namespace distill::avx2
