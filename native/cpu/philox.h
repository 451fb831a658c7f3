// Philox 4x32-10 (Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3"): 128 random bits from a 64-bit key and
// a 128-bit counter, with integer arithmetic only.
#pragma once

#include <array>
#include <cstdint>

namespace distill {

using Philox = std::array<uint32_t, 4>;

inline Philox philox(uint64_t seed, Philox counter) {
  uint32_t key0 = static_cast<uint32_t>(seed), key1 = static_cast<uint32_t>(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    const uint64_t product0 = uint64_t{0xD2511F53} * counter[0];
    const uint64_t product1 = uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<uint32_t>(product1 >> 32) ^ counter[1] ^ key0, static_cast<uint32_t>(product1),
               static_cast<uint32_t>(product0 >> 32) ^ counter[3] ^ key1, static_cast<uint32_t>(product0)};
    key0 += 0x9E3779B9;
    key1 += 0xBB67AE85;
  }
  return counter;
}

// The position of a number in its stream. `use` tells different draws at one position apart.
inline Philox philox_counter(uint32_t position, uint32_t use, uint64_t stream) {
  return {position, use, static_cast<uint32_t>(stream), static_cast<uint32_t>(stream >> 32)};
}

}  // namespace distill
