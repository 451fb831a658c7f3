// The measured limits of this processor, with which kernels are compared.
#pragma once

#include <cstdint>

namespace distill {

struct Limits {
  double flops;       // per second; fp32 multiply-adds on registers, each counted as two
  double bf16_flops;  // the same with bf16 factors and fp32 sums
  double bandwidth;   // bytes per second, read or written, of arrays too large for the caches (McCalpin's STREAM triad)
};

// Measures with all threads of the pool and the instruction set in use; takes about a second.
Limits measure_limits();

// Operations per second of one thread, with the instruction set in use.
struct ProductRates {
  double fp32;
  double bf16;  // by its own instruction for bf16 factors; 0 if it has none
};

// Takes a fifth of a millisecond. The ratio is about 2 on Zen 4 and 1/2 on Intel without AMX.
ProductRates measure_products();

// Runs `times` links of enough multiply-add chains to keep every unit busy; returns the number of operations. avx512_bf16: on pairs,
// amx: on tiles.
#define DISTILL_DECLARE_CHAINS(isa)     \
  namespace isa {                       \
  int64_t multiply_adds(int64_t times); \
  }
DISTILL_DECLARE_CHAINS(scalar)
DISTILL_DECLARE_CHAINS(avx2)
DISTILL_DECLARE_CHAINS(avx512)
DISTILL_DECLARE_CHAINS(avx512_bf16)
DISTILL_DECLARE_CHAINS(amx)
DISTILL_DECLARE_CHAINS(neon)
#undef DISTILL_DECLARE_CHAINS

}  // namespace distill
