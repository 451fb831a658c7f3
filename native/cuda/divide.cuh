// Division by a constant of the launch, as a multiplication (Granlund and Montgomery 1994).
#pragma once

#include "cuda/gpu.cuh"

namespace distill::gpu {

// For dividends from 0 and divisors from 1, both up to 2^31 - 1.
class Divisor {
 public:
  explicit Divisor(int64_t divisor) : divisor_(static_cast<uint32_t>(divisor)) {
    while (uint64_t{1} << shift_ < divisor_) shift_++;
    multiplier_ = static_cast<uint32_t>((uint64_t{1} << 32) * ((uint64_t{1} << shift_) - divisor_) / divisor_ + 1);
  }

  __device__ uint32_t quotient(uint32_t dividend) const { return (__umulhi(dividend, multiplier_) + dividend) >> shift_; }
  // Returns the quotient and leaves the remainder in dividend
  __device__ uint32_t split(uint32_t &dividend) const {
    const uint32_t whole = quotient(dividend);
    dividend -= whole * divisor_;
    return whole;
  }

 private:
  uint32_t divisor_, multiplier_ = 0, shift_ = 0;
};

}  // namespace distill::gpu
