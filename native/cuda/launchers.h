// One launcher per op of ops.h, in <op>.cu: takes checked arguments with pointers of the device, queues its kernels, throws CudaError.
#pragma once

#include "ops.h"

namespace distill::cuda {

#define DISTILL_DECLARE(name, Arguments) void name(const Arguments &);
DISTILL_OPS(DISTILL_DECLARE)
#undef DISTILL_DECLARE

// Words of `pattern`, and its first bytes at the end.
void fill(void *to, uint32_t pattern, int64_t bytes);

}  // namespace distill::cuda
