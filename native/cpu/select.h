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

// How products with bf16 factors are computed: widened to fp32, or by the bf16 instruction of a variant that has one. The rest of a
// variant, such as how it converts, does not depend on it.
enum class Bf16Products { fp32, bf16 };

const char *bf16_products_name(Bf16Products products);

// Whether a variant has an instruction for them.
bool has_bf16_products(Isa isa);

// bf16 where the variant in use has it, until select_bf16_products chooses fp32; without it always fp32.
Bf16Products selected_bf16_products();
void select_bf16_products(Bf16Products products);

const Ops &cpu_ops();

}  // namespace distill
