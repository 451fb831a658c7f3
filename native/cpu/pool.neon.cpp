#include "cpu/pool.h"

#include "cpu/variants.h"

namespace distill::neon {

void average_pool_forward(const AveragePoolForward &a) { distill::average_pool_forward<Vec4>(a); }
void average_pool_backward(const AveragePoolBackward &a) { distill::average_pool_backward<Vec4>(a); }
void max_pool_forward(const MaxPoolForward &a) { distill::max_pool_forward<Vec4>(a); }

}  // namespace distill::neon
