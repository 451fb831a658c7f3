// Exact GELU on vectors: x Phi(x), with Phi(-|x|) = exp(-x^2 / 2) R(t), t = 1 / (1 + |x| / sqrt(8)). R is a polynomial fitted to the
// scaled complementary error function on |x| < 9 with a relative error below 4e-7, so that the tails are accurate too.
#pragma once

#include "cpu/elementwise.h"
#include "cpu/exponentials.h"
#include "ops.h"

namespace distill {
namespace {

template <class V>
struct Gelu {
  V value, derivative;  // of x Phi(x)
};

template <class V>
inline Gelu<V> gelu(V x) {
  constexpr float kInverseSqrt8 = 0.35355339f, kInverseSqrt2Pi = 0.39894228f, kHalfLog2e = 0.72134752f;
  const V size = absolute(x);
  const V t = 1.0f / (size * kInverseSqrt8 + 1.0f);
  // Clamped, because the products below would otherwise fall below 2^-126, and processors are slow with such numbers
  constexpr float kLowest = -100.0f;
  const V e = exp2_within(max(x * x * -kHalfLog2e, broadcast<V>(kLowest)));
  V r = t * 0.0476509566f - 0.1910292706f;
  r = r * t + 0.2126657349f;
  r = r * t + 0.0058340201f;
  r = r * t + 0.1458432589f;
  r = r * t + 0.1377927583f;
  r = r * t + 0.1412427191f;
  const V tail = e * t * r;                         // Phi(-|x|)
  const V factor = min(size, broadcast<V>(1e18f));  // infinity times a tail of 0 would be NaN
  const V slope = tail - factor * e * kInverseSqrt2Pi;
  return {max(x, V{}) - factor * tail, x < 0.0f ? slope : 1.0f - slope};
}

template <class V>
void gelu_forward(const GeluForward &op) {
  for_each_vector<V>(op.size, [&](int64_t i, int64_t count) { store_some(op.y + i, gelu(load_some<V>(op.x + i, count)).value, count); });
}

template <class V>
void gelu_backward(const GeluBackward &op) {
  for_each_vector<V>(op.size, [&](int64_t i, int64_t count) {
    const V slope = gelu(load_some<V>(op.x + i, count)).derivative;
    store_some(op.dx + i, slope * load_some<V>(op.dy + i, count), count);
  });
}

}  // namespace
}  // namespace distill
