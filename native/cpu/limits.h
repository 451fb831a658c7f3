// What this processor can do at most, measured: what kernels are compared with.
#pragma once

#include <cstdint>

namespace distill {

struct Limits {
  double flops;       // per second, fp32 multiply-adds from registers, each counted as two
  double bf16_flops;  // the same with factors in bf16 and sums in fp32
  double bandwidth;   // bytes per second, read or written, of arrays too large for caches (McCalpin's STREAM triad)
};

// On all threads of the pool, with the instruction set in use; takes about a second.
Limits measure_limits();

// As many dependent multiply-adds as keep every unit busy, so many times; returns how many operations that was. avx512_bf16: of pairs.
#define DISTILL_DECLARE_CHAINS(isa)     \
  namespace isa {                       \
  int64_t multiply_adds(int64_t times); \
  }
DISTILL_DECLARE_CHAINS(scalar)
DISTILL_DECLARE_CHAINS(avx2)
DISTILL_DECLARE_CHAINS(avx512)
DISTILL_DECLARE_CHAINS(avx512_bf16)
#undef DISTILL_DECLARE_CHAINS

}  // namespace distill
