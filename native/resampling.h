// Bilinear resizing as sums over neighbouring pixels, worked out once per size, for every backend.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace distill {

// Each output is a weighted sum of `taps` neighbouring inputs, from first[i] on; unused taps have weight 0.
struct Resampling {
  int64_t taps = 0;
  std::vector<int64_t> first;
  std::vector<float> weights;  // [outputs, taps]

  const float *weights_of(int64_t i) const { return weights.data() + i * taps; }
};

// A triangle around the half-pixel centre, as wide as an output pixel when shrinking (antialiasing), cut off at the border and scaled to
// sum 1; outputs `begin` ... `begin + count` of all. torch.nn.functional.interpolate(mode='bilinear', align_corners=False, antialias=True)
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

// The whole image is thought resized until its shorter side is `size`; outputs are those of its centre, `size` along a side.
inline Resampling centre_of(int64_t side, int64_t shorter, int64_t size) {
  const int64_t resized = std::llround(static_cast<double>(side) * (static_cast<double>(size) / static_cast<double>(shorter)));
  return bilinear(side, resized, (resized - size) / 2, size);
}

}  // namespace distill
