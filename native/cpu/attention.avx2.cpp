#include "cpu/attention.h"

#include "cpu/variants.h"

namespace distill::avx2 {

void attention_forward(const AttentionForward &op) { distill::attention_forward<Vec8>(op); }
void attention_backward(const AttentionBackward &op) { distill::attention_backward<Vec8>(op); }

}  // namespace distill::avx2
