// One axis of resize_grid: which inputs contribute to which output. Integer arithmetic, so that every backend has the same windows.
#pragma once

#include <cstdint>

#include "floats.h"

namespace distill {

// Means over adaptive windows where there are at most as many outputs as inputs, otherwise linear interpolation with half-pixel centres.
struct GridAxis {
  struct Range {
    int64_t begin, end;
  };
  // The inputs of an output, and their weights.
  struct Window {
    Range inputs;
    float first, others;
    DISTILL_INLINE float weight(int64_t h) const { return h == inputs.begin ? first : others; }
  };
  int64_t inputs, outputs;

  DISTILL_INLINE Window window(int64_t s) const {
    if (pools()) {
      const Range part = {s * inputs / outputs, ceil_of((s + 1) * inputs, outputs)};
      const float share = 1 / static_cast<float>(part.end - part.begin);
      return {part, share, share};
    }
    // Position of the output's centre, 0 being the first input's centre, in units of 1 / (2 outputs).
    const int64_t at = (2 * s + 1) * inputs - outputs, centre = at > 0 ? at : 0, first = centre / (2 * outputs);
    if (first + 1 >= inputs) return {{first, inputs}, 1, 0};
    const float second = static_cast<float>(centre - first * 2 * outputs) / static_cast<float>(2 * outputs);
    return {{first, first + 2}, 1 - second, second};
  }

  // The outputs that input h contributes to.
  DISTILL_INLINE Range reached(int64_t h) const {
    if (pools()) return {h * outputs / inputs, ceil_of((h + 1) * outputs, inputs)};
    // Those whose first input is h - 1 or h: 2 outputs (h - 1) <= centre < 2 outputs (h + 1).
    const int64_t begin = outputs * (2 * h - 1) - inputs, end = ceil_of(outputs * (2 * h + 3) - inputs, 2 * inputs);
    return {begin > 0 ? ceil_of(begin, 2 * inputs) : 0, end < outputs ? end : outputs};
  }

 private:
  DISTILL_INLINE bool pools() const { return outputs <= inputs; }
  DISTILL_INLINE static int64_t ceil_of(int64_t a, int64_t b) { return (a + b - 1) / b; }
};

}  // namespace distill
