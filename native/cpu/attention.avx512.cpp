#include "cpu/attention.h"

#include "cpu/variants.h"

namespace distill::avx512 {

void attention_forward(const AttentionForward &op) { distill::attention_forward<Vec16>(op); }
void attention_backward(const AttentionBackward &op) { distill::attention_backward<Vec16>(op); }

}  // namespace distill::avx512
