// GELU of vectors by the table of gelu_table.h.
#pragma once

#include "cpu/gelu.h"
#include "cpu/gelu_table.h"

namespace distill {
namespace {

// Coefficient `degree` of each lane's piece, by the five low bits of `piece`
[[gnu::always_inline]] inline Vec16 look_up(const float (&coefficients)[GeluTable::kPieces], IntVec<Vec16> piece) {
#if defined(__AVX512F__)
  const Vec16 first = load<Vec16>(coefficients), second = load<Vec16>(coefficients + 16);
  return as<Vec16>(_mm512_maskz_permutex2var_ps(kAllLanes, as<__m512>(first), as<__m512i>(piece), as<__m512>(second)));
#else
  int32_t pieces[16];
  store(pieces, piece);
  Vec16 found;
  for (int i = 0; i < 16; ++i) found[i] = coefficients[pieces[i] & 31];
  return found;
#endif
}
[[gnu::always_inline]] inline Vec16 look_up(const float (&polynomials)[3][GeluTable::kPieces], IntVec<Vec16> piece, Vec16 u) {
  return (look_up(polynomials[2], piece) * u + look_up(polynomials[1], piece)) * u + look_up(polynomials[0], piece);
}

[[gnu::always_inline]] inline Gelu<Vec16> gelu_by_table(const GeluTable &table, Vec16 x) {
  using Bits = VecTraits<Vec16>::Bits;
  constexpr float kEnd = GeluTable::kEnd, kLast = 5.599f;
  // In pieces, from the middle of the first
  const Vec16 at = min(absolute(x), broadcast<Vec16>(kLast)) * (GeluTable::kPieces / kEnd) - 0.5f;
  const Vec16 rounded = at + kRound, u = at - (rounded - kRound);
  const Bits sign = as<Bits>(x) & 0x80000000u;
  const auto with_sign = [=](Vec16 v) __attribute__((always_inline)) { return as<Vec16>(as<Bits>(v) ^ sign); };
  const IntVec<Vec16> piece = as<IntVec<Vec16>>(rounded);
  // Past the table Phi is 0 or 1. The bound keeps minus infinity from being multiplied by 0.
  const Vec16 factor = max(x, broadcast<Vec16>(-kEnd));
  return {factor * (with_sign(look_up(table.value, piece, u)) + 0.5f), with_sign(look_up(table.slope, piece, u)) + 0.5f};
}

}  // namespace
}  // namespace distill
