// The activations of fused ops.
#pragma once

#include "cuda/gpu.cuh"
#include "ops.h"

namespace distill::gpu {

// NaN stays NaN.
__device__ inline float activated(float x, Activation activation) {
  if (activation == Activation::none) return x;
  const float positive = x < 0 ? 0.0f : x;
  return activation == Activation::relu6 && positive > 6 ? 6.0f : positive;
}

// Whether an activation with the output y passes its gradient
__device__ inline bool passes(float y, Activation activation) { return y > 0 && (activation == Activation::relu || y < 6); }

}  // namespace distill::gpu
