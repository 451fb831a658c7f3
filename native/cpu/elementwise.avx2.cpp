#include "cpu/elementwise.h"

#include "cpu/variants.h"

namespace distill::avx2 {

void add(const Add &op) { distill::add<Vec8>(op); }

}  // namespace distill::avx2
