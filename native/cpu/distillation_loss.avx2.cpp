#include "cpu/distillation_loss.h"

#include "cpu/variants.h"

namespace distill::avx2 {

void distillation_loss(const DistillationLoss &a) { distill::distillation_loss<Vec8>(a); }

}  // namespace distill::avx2
