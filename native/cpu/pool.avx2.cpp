#include "cpu/pool.h"

#include "cpu/variants.h"

namespace distill::avx2 {

void average_pool_forward(const AveragePoolForward &a) { distill::average_pool_forward<Vec8>(a); }
void average_pool_backward(const AveragePoolBackward &a) { distill::average_pool_backward<Vec8>(a); }
void max_pool_forward(const MaxPoolForward &a) { distill::max_pool_forward<Vec8>(a); }

}  // namespace distill::avx2
