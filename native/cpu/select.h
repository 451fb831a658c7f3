// The table of the CPU kernels in use.
#pragma once

#include <vector>

#include "ops.h"

namespace distill {

enum class Isa { scalar, avx2, avx512, avx512_bf16, amx, neon };

const char *isa_name(Isa isa);

// The compiled variants that this processor can run, slowest first.
const std::vector<Isa> &available_isas();

// The fastest available variant, until select_isa chooses another.
Isa selected_isa();
void select_isa(Isa isa);  // must be available

const Ops &cpu_ops();

}  // namespace distill
