#include "cpu/batch_norm.h"

#include "cpu/variants.h"

namespace distill::neon {

void batch_norm_forward_train(const BatchNormForwardTrain &a) { distill::batch_norm_forward_train<Vec4>(a); }
void batch_norm_forward_eval(const BatchNormForwardEval &a) { distill::batch_norm_forward_eval<Vec4>(a); }
void batch_norm_backward(const BatchNormBackward &a) { distill::batch_norm_backward<Vec4>(a); }

}  // namespace distill::neon
