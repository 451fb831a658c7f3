// GELU for numbers that are rounded to bf16 next: a table of polynomials, which needs neither a division nor an exponential.
#pragma once

namespace distill {

// 32 pieces of |x| in [0, kEnd): coefficients, of degree 0 to 2 in u, the distance from the middle of the piece in pieces, of Phi(|x|) -
// 1/2 and of gelu'(|x|) - 1/2. Absolute errors below 3e-5, a tenth of what rounding a number near 1 to bf16 does.
struct alignas(64) GeluTable {
  static constexpr int kPieces = 32;
  static constexpr double kEnd = 5.6;
  float value[3][kPieces], slope[3][kPieces];
};

const GeluTable &gelu_table();

}  // namespace distill
