// One `read` per op: it checks the arguments of a call, by name, shape and range, and fills the op's struct with them. The files beside
// this one define them, by family of ops.
#pragma once

#include <algorithm>
#include <cfloat>
#include <cstdint>

#include "addon/arguments.h"
#include "ops.h"

namespace distill {

#define DISTILL_READ(name, Op) void read(Arguments &a, Op &op);
DISTILL_OPS(DISTILL_READ)
#undef DISTILL_READ

constexpr int64_t kMaxInt32 = INT32_MAX;
// Numbers in JavaScript are exact up to here.
constexpr int64_t kMaxSafeInteger = int64_t{1} << 53;
constexpr float kSmallest = FLT_MIN, kLargest = FLT_MAX;

inline Activation read_activation(Arguments &a) { return static_cast<Activation>(a.choice("activation", {"none", "relu", "relu6"})); }

// A part of the key of random numbers.
inline uint64_t seed(Arguments &a, const char *name) { return static_cast<uint64_t>(a.integer(name, 0, kMaxSafeInteger)); }

}  // namespace distill
