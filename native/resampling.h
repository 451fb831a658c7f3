// Bilinear resizing as sums over neighbouring pixels, computed once per size, for every backend.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "floats.h"

namespace distill {

// The inputs of one output of a bilinear resize, and their weights: a triangle around the half-pixel centre, widened to an output pixel
// when shrinking (antialiasing), cut off at the border and scaled to sum 1. torch.nn.functional.interpolate(mode='bilinear',
// align_corners=False, antialias=True)
struct Triangle {
  int64_t low, high;  // inputs low ... high - 1
  double centre, radius, sum;

  DISTILL_INLINE Triangle(int64_t inputs, int64_t outputs, int64_t output) {
    const double scale = static_cast<double>(inputs) / static_cast<double>(outputs);
    radius = scale > 1 ? scale : 1;
    centre = scale * (static_cast<double>(output) + 0.5);
    const int64_t first = static_cast<int64_t>(centre - radius + 0.5), end = static_cast<int64_t>(centre + radius + 0.5);
    low = first > 0 ? first : 0;
    high = end < inputs ? end : inputs;
    sum = 0;
    for (int64_t at = low; at < high; ++at) sum += height(at);
  }
  DISTILL_INLINE float weight(int64_t at) const { return static_cast<float>(height(at) / sum); }

 private:
  DISTILL_INLINE double height(int64_t at) const {
    const double distance = static_cast<double>(at) + 0.5 - centre, height = 1 - (distance < 0 ? -distance : distance) / radius;
    return height > 0 ? height : 0;
  }
};

// Output i is a weighted sum of `taps` neighbouring inputs, starting at first[i]; unused taps have weight 0.
struct Resampling {
  int64_t taps = 0;
  std::vector<int64_t> first;
  std::vector<float> weights;  // [outputs, taps]

  const float *weights_of(int64_t i) const { return weights.data() + i * taps; }
};

// Of a bilinear resize.
inline Resampling bilinear(int64_t inputs, int64_t outputs) {
  const double radius = std::max(static_cast<double>(inputs) / static_cast<double>(outputs), 1.0);
  Resampling r;
  r.taps = std::min(inputs, static_cast<int64_t>(std::ceil(2 * radius)));
  r.first.resize(static_cast<size_t>(outputs));
  r.weights.resize(static_cast<size_t>(outputs * r.taps));
  for (int64_t i = 0; i < outputs; ++i) {
    const Triangle triangle(inputs, outputs, i);
    const int64_t first = std::min(triangle.low, inputs - r.taps), high = std::min(triangle.high, triangle.low + r.taps);
    r.first[static_cast<size_t>(i)] = first;
    for (int64_t at = triangle.low; at < high; ++at) r.weights[static_cast<size_t>(i * r.taps + at - first)] = triangle.weight(at);
  }
  return r;
}

// torchvision's int(round(rest / 2.0)), which rounds a half to the even number.
inline int64_t half_to_even(int64_t rest) { return rest / 2 + (rest % 2) * (rest / 2 % 2); }

}  // namespace distill
