#include "cpu/attention.h"

#include "cpu/variants.h"

namespace distill::neon {

void attention_forward(const AttentionForward &op) { distill::attention_forward<Vec4>(op); }
void attention_backward(const AttentionBackward &op) { distill::attention_backward<Vec4>(op); }

}  // namespace distill::neon
