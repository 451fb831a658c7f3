#include "cpu/limits.h"

#include "cpu/multiply_adds.h"

namespace distill::scalar {

// What the compiler makes of the readable kernels at best, on every processor of the platform.
using Vec4 [[gnu::vector_size(16)]] = float;

int64_t multiply_adds(int64_t times) { return distill::multiply_adds<Vec4>(times); }

}  // namespace distill::scalar
