// Bilinear resizing as sums over neighbouring pixels, computed once per size, for every backend.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace distill {

// Output i is a weighted sum of `taps` neighbouring inputs, starting at first[i]; unused taps have weight 0.
struct Resampling {
  int64_t taps = 0;
  std::vector<int64_t> first;
  std::vector<float> weights;  // [outputs, taps]

  const float *weights_of(int64_t i) const { return weights.data() + i * taps; }
};

// The weights of outputs `begin` ... `begin + count - 1`: a triangle around the half-pixel centre, widened to an output pixel when
// shrinking (antialiasing), cut off at the border and scaled to sum 1. torch.nn.functional.interpolate(mode='bilinear',
// align_corners=False, antialias=True)
inline Resampling bilinear(int64_t inputs, int64_t outputs, int64_t begin, int64_t count) {
  const double scale = static_cast<double>(inputs) / static_cast<double>(outputs), radius = std::max(scale, 1.0);
  Resampling r;
  r.taps = std::min(inputs, static_cast<int64_t>(std::ceil(2 * radius)));
  r.first.resize(static_cast<size_t>(count));
  r.weights.resize(static_cast<size_t>(count * r.taps));
  for (int64_t i = 0; i < count; ++i) {
    const double centre = scale * (static_cast<double>(begin + i) + 0.5);
    const int64_t low = std::max<int64_t>(0, static_cast<int64_t>(centre - radius + 0.5));
    const int64_t high = std::min({inputs, low + r.taps, static_cast<int64_t>(centre + radius + 0.5)});
    const int64_t first = std::min(low, inputs - r.taps);
    const auto triangle = [&](int64_t at) { return std::max(0.0, 1 - std::abs(static_cast<double>(at) + 0.5 - centre) / radius); };
    double sum = 0;
    for (int64_t at = low; at < high; ++at) sum += triangle(at);
    r.first[static_cast<size_t>(i)] = first;
    for (int64_t at = low; at < high; ++at)
      r.weights[static_cast<size_t>(i * r.taps + at - first)] = static_cast<float>(triangle(at) / sum);
  }
  return r;
}

// Resizes the image, as if as a whole, until its shorter side is `size`; the outputs are the `size` pixels at its centre along one side.
inline Resampling centre_of(int64_t side, int64_t shorter, int64_t size) {
  const int64_t resized = std::llround(static_cast<double>(side) * (static_cast<double>(size) / static_cast<double>(shorter)));
  return bilinear(side, resized, (resized - size) / 2, size);
}

}  // namespace distill
