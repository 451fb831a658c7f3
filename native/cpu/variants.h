// Every function that select.cpp may put into the table: one namespace per instruction set, one function per op. The scalar namespace has
// all ops, in <op>.scalar.cpp, as readable references. A faster variant is in <op>.<isa>.cpp and listed in select.cpp.
#pragma once

#include "ops.h"

namespace distill {

#define DISTILL_DECLARE(name, Arguments) void name(const Arguments &);
namespace scalar {
DISTILL_OPS(DISTILL_DECLARE)
}
namespace avx2 {
DISTILL_OPS(DISTILL_DECLARE)
}
namespace avx512 {
DISTILL_OPS(DISTILL_DECLARE)
}
namespace avx512_bf16 {
DISTILL_OPS(DISTILL_DECLARE)
}
namespace amx {
DISTILL_OPS(DISTILL_DECLARE)
}
namespace neon {
DISTILL_OPS(DISTILL_DECLARE)
}
#undef DISTILL_DECLARE

}  // namespace distill
