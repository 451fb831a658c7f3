#include "cpu/distillation_loss.h"

#include "cpu/variants.h"

namespace distill::avx512 {

void distillation_loss(const DistillationLoss &a) { distill::distillation_loss<Vec16>(a); }

}  // namespace distill::avx512
