#include "cpu/elementwise.h"

#include "cpu/variants.h"

namespace distill::neon {

void add(const Add &op) { distill::add<Vec4>(op); }

}  // namespace distill::neon
