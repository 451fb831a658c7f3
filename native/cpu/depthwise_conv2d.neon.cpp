#include "cpu/depthwise_conv2d.h"

#include "cpu/variants.h"

namespace distill::neon {

void depthwise_conv2d_forward(const DepthwiseConv2dForward &a) { distill::depthwise_conv2d_forward<Vec4>(a); }
void depthwise_conv2d_norm_forward(const DepthwiseConv2dNormForward &a) { distill::depthwise_conv2d_norm_forward<Vec4>(a); }
void depthwise_conv2d_backward_input(const DepthwiseConv2dBackwardInput &a) { distill::depthwise_conv2d_backward_input<Vec4>(a); }
void depthwise_conv2d_backward_weight(const DepthwiseConv2dBackwardWeight &a) { distill::depthwise_conv2d_backward_weight<Vec4>(a); }

}  // namespace distill::neon
