#include "cpu/conv2d.h"

#include "cpu/variants.h"

namespace distill::neon {

void conv2d_forward(const Conv2dForward &a) { distill::conv2d_forward<Vec4>(a); }
void conv2d_norm_forward(const Conv2dNormForward &op) { distill::conv2d_norm_forward<Vec4>(op); }
void conv2d_backward_input(const Conv2dBackwardInput &a) { distill::conv2d_backward_input<Vec4>(a); }
void conv2d_backward_weight(const Conv2dBackwardWeight &a) { distill::conv2d_backward_weight<Vec4>(a); }

}  // namespace distill::neon
