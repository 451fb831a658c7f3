// The exact GELU and its derivative, as in cpu/gelu.scalar.h.
#pragma once

#include "cuda/gpu.cuh"

namespace distill::cuda {

// x Phi(x). erfcf keeps the digits of the left tail, which 1 + erff would lose.
__device__ inline float gelu(float x) { return 0.5f * x * erfcf(-x * 0.70710678f); }

// Phi(x) + x phi(x)
__device__ inline float gelu_derivative(float x) { return 0.5f * erfcf(-x * 0.70710678f) + x * 0.39894228f * expf(-0.5f * x * x); }

}  // namespace distill::cuda
