#include "cpu/batch_norm.h"

#include "cpu/variants.h"

namespace distill::avx512_bf16 {

void batch_norm_forward_train(const BatchNormForwardTrain &a) { distill::batch_norm_forward_train<Vec16>(a); }
void batch_norm_forward_eval(const BatchNormForwardEval &a) { distill::batch_norm_forward_eval<Vec16>(a); }
void batch_norm_backward(const BatchNormBackward &a) { distill::batch_norm_backward<Vec16>(a); }

}  // namespace distill::avx512_bf16
