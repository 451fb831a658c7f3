// The exact GELU and its derivative in double precision, the reference for every faster form.
#pragma once

#include <cmath>

namespace distill::scalar {

// x Phi(x), with Phi the standard normal distribution function
inline double gelu(double x) { return 0.5 * x * std::erfc(-x * 0.70710678118654752440); }

// Phi(x) + x phi(x), with phi its density
inline double gelu_derivative(double x) {
  return 0.5 * std::erfc(-x * 0.70710678118654752440) + x * 0.39894228040143267794 * std::exp(-0.5 * x * x);
}

}  // namespace distill::scalar
