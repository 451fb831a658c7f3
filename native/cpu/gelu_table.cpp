#include "cpu/gelu_table.h"

#include <cmath>

namespace distill {

namespace {

// The parabola through the Chebyshev nodes of each piece
template <class Function>
void fit(const Function &f, float (&to)[3][GeluTable::kPieces]) {
  constexpr double kWidth = GeluTable::kEnd / GeluTable::kPieces;
  const double node = std::sqrt(3.0) / 4;
  for (int piece = 0; piece < GeluTable::kPieces; ++piece) {
    const double below = f((piece + 0.5 - node) * kWidth), middle = f((piece + 0.5) * kWidth), above = f((piece + 0.5 + node) * kWidth);
    to[0][piece] = static_cast<float>(middle);
    to[1][piece] = static_cast<float>((above - below) / (2 * node));
    to[2][piece] = static_cast<float>((above - 2 * middle + below) / (2 * node * node));
  }
}

GeluTable make_table() {
  constexpr double kRootHalf = 0.70710678118654752440, kInverseSqrt2Pi = 0.39894228040143267794;
  const auto half_phi = [](double x) { return 0.5 * std::erf(x * kRootHalf); };
  GeluTable table;
  fit(half_phi, table.value);
  fit([=](double x) { return half_phi(x) + x * std::exp(-x * x / 2) * kInverseSqrt2Pi; }, table.slope);
  return table;
}

}  // namespace

const GeluTable &gelu_table() {
  static const GeluTable table = make_table();
  return table;
}

}  // namespace distill
