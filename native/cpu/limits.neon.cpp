#include "cpu/limits.h"

#include "cpu/multiply_adds.h"
#include "cpu/vec.h"

namespace distill::neon {

int64_t multiply_adds(int64_t times) { return distill::multiply_adds<Vec4>(times); }

}  // namespace distill::neon
