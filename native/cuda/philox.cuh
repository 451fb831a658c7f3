// Philox 4x32-10, as in cpu/philox.h.
#pragma once

#include "cuda/gpu.cuh"

namespace distill::gpu {

struct Philox {
  uint32_t of[4];
};

__device__ inline Philox philox(uint64_t seed, Philox counter) {
  uint32_t key0 = static_cast<uint32_t>(seed), key1 = static_cast<uint32_t>(seed >> 32);
  GPU_UNROLL
  for (int round = 0; round < 10; round++) {
    const uint32_t high0 = __umulhi(0xD2511F53u, counter.of[0]), low0 = 0xD2511F53u * counter.of[0];
    const uint32_t high1 = __umulhi(0xCD9E8D57u, counter.of[2]), low1 = 0xCD9E8D57u * counter.of[2];
    counter = {{high1 ^ counter.of[1] ^ key0, low1, high0 ^ counter.of[3] ^ key1, low0}};
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  return counter;
}

__device__ inline Philox philox_counter(uint32_t position, uint32_t use, uint64_t stream) {
  return {{position, use, static_cast<uint32_t>(stream), static_cast<uint32_t>(stream >> 32)}};
}

}  // namespace distill::gpu
