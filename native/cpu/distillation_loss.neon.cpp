#include "cpu/distillation_loss.h"

#include "cpu/variants.h"

namespace distill::neon {

void distillation_loss(const DistillationLoss &a) { distill::distillation_loss<Vec4>(a); }

}  // namespace distill::neon
