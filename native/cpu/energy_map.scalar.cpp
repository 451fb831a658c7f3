// Where the activations of an image are large: the squares summed over channels, normalised over the image. One task per image.
#include <algorithm>
#include <cmath>

#include "cpu/threads.h"
#include "cpu/variants.h"

namespace distill::scalar {

namespace {

constexpr float kSmallestNorm = 1e-12f;

}  // namespace

void energy_map_forward(const EnergyMapForward &a) {
  parallel_for(a.N, [&](int64_t n) {
    float *y = a.y + n * a.G;
    double squares = 0;
    for (int64_t g = 0; g < a.G; ++g) {
      const Floats x = a.x + (n * a.G + g) * a.C;
      double energy = 0;
      for (int64_t c = 0; c < a.C; ++c) energy += double{x[c]} * x[c];
      y[g] = static_cast<float>(energy);
      squares += energy * energy;
    }
    a.norm[n] = static_cast<float>(std::sqrt(squares));
    for (int64_t g = 0; g < a.G; ++g) y[g] /= std::max(a.norm[n], kSmallestNorm);
  });
}

void energy_map_backward(const EnergyMapBackward &a) {
  parallel_for(a.N, [&](int64_t n) {
    const float *y = a.y + n * a.G, *dy = a.dy + n * a.G;
    const bool is_clamped = a.norm[n] < kSmallestNorm;
    double along = 0;
    for (int64_t g = 0; g < a.G; ++g) along += double{y[g]} * dy[g];
    if (is_clamped) along = 0;
    for (int64_t g = 0; g < a.G; ++g) {
      const float dq = (dy[g] - y[g] * static_cast<float>(along)) / std::max(a.norm[n], kSmallestNorm);
      const int64_t place = (n * a.G + g) * a.C;
      for (int64_t c = 0; c < a.C; ++c) a.dx[place + c] = 2 * a.x[place + c] * dq;
    }
  });
}

}  // namespace distill::scalar
