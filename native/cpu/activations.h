// The activations of fused ops, for floats and for vectors of vec.h.
#pragma once

#include <type_traits>

#include "cpu/vec.h"
#include "ops.h"

namespace distill {
namespace {

template <Activation activation>
using ActivationType = std::integral_constant<Activation, activation>;

// Calls body(ActivationType), so that loops are compiled for each activation
template <class Body>
[[gnu::always_inline]] inline void with_activation(Activation activation, const Body &body) {
  switch (activation) {
    case Activation::none:
      return body(ActivationType<Activation::none>{});
    case Activation::relu:
      return body(ActivationType<Activation::relu>{});
    case Activation::relu6:
      return body(ActivationType<Activation::relu6>{});
  }
}

template <Activation activation, class T>
[[gnu::always_inline]] inline T activated(T x) {
  if constexpr (activation == Activation::none) return x;
  const T positive = x < 0 ? T{} : x;
  if constexpr (activation == Activation::relu6) return positive > 6 ? T{} + 6 : positive;
  return positive;
}
template <class T>
[[gnu::always_inline]] inline T activated(T x, Activation activation) {
  with_activation(
      activation, [&]<Activation known>(ActivationType<known>) __attribute__((always_inline)) { x = activated<known>(x); });
  return x;
}

// dy where the activation with the output y passes it
template <Activation activation, class T>
[[gnu::always_inline]] inline T passed(T dy, T y) {
  if constexpr (activation == Activation::none) return dy;
  if constexpr (activation == Activation::relu6) return (y > 0) & (y < 6) ? dy : T{};
  return y > 0 ? dy : T{};
}

}  // namespace
}  // namespace distill
