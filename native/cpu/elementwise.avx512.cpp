#include "cpu/elementwise.h"

#include "cpu/variants.h"

namespace distill::avx512 {

void add(const Add &op) { distill::add<Vec16>(op); }

}  // namespace distill::avx512
