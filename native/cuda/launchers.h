// One launcher per op of ops.h, in <op>.cu: takes checked arguments with device pointers, queues its kernels, throws CudaError.
#pragma once

#include "ops.h"

namespace distill::cuda {

#define DISTILL_DECLARE(name, Arguments) void name(const Arguments &);
DISTILL_OPS(DISTILL_DECLARE)
#undef DISTILL_DECLARE

// Fills with words of `pattern`; the end gets its first bytes.
void fill(void *to, uint32_t pattern, int64_t bytes);

}  // namespace distill::cuda
