#include "cpu/fit_image.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "cpu/fit_image.passes.h"
#include "cpu/select.h"
#include "resampling.h"

namespace distill {

namespace {

struct Weights {
  int64_t taps;
  std::vector<int64_t> first, count;
  std::vector<int32_t> weights;

  WholeWeights view() const { return {taps, first.data(), count.data(), weights.data()}; }
};

// Outputs begin ... begin + count - 1 of a resize of `extent` inputs, which may be a part more than there are. Pillow's precompute_coeffs
// and normalize_coeffs_8bpc
Weights weights_of(int64_t inputs, double extent, int64_t outputs, int64_t begin, int64_t count) {
  const double scale = extent / static_cast<double>(outputs), radius = std::max(scale, 1.0);
  Weights r;
  r.taps = 2 * static_cast<int64_t>(std::ceil(radius)) + 1;
  std::vector<double> heights(static_cast<size_t>(r.taps));
  for (int64_t i = 0; i < count; ++i) {
    const double centre = std::min((static_cast<double>(begin + i) + 0.5) * scale, static_cast<double>(inputs));
    const int64_t low = std::max(static_cast<int64_t>(centre - radius + 0.5), int64_t{0});
    const int64_t high = std::min(static_cast<int64_t>(centre + radius + 0.5), inputs);
    std::fill(heights.begin(), heights.end(), 0.0);
    double sum = 0;
    for (int64_t at = low; at < high; ++at) {
      const double distance = std::fabs((static_cast<double>(at) - centre + 0.5) * (1 / radius));
      sum += heights[static_cast<size_t>(at - low)] = std::max(1 - distance, 0.0);
    }
    for (const double height : heights) r.weights.push_back(static_cast<int32_t>(0.5 + height / sum * (1 << kWeightBits)));
    r.first.push_back(low);
    r.count.push_back(high - low);
  }
  return r;
}

// The middle `side` of a side of the picture, once its shorter side became `side`. torchvision: int(side * long / short)
Weights middle(int64_t inputs, double extent, int64_t length, int64_t shorter, int64_t side) {
  const int64_t outputs = side * length / shorter;
  return weights_of(inputs, extent, outputs, half_to_even(outputs - side), side);
}

}  // namespace

void fit_image(const FitImage &a) {
  const int64_t shorter = std::min(a.height, a.width);
  const Weights columns = middle(a.W, a.columns, a.width, shorter, a.side), rows = middle(a.H, a.rows, a.height, shorter, a.side);
  const int64_t first = rows.first.front(), taken = rows.first.back() + rows.count.back() - first;
  std::vector<uint8_t> line(static_cast<size_t>(3 * a.W + 1)), narrowed(static_cast<size_t>(3 * taken * a.side + 1));
  const Passes passes{a.image + 3 * first * a.W, a.W, taken, columns.view(), rows.view(), line.data(), narrowed.data(), a.side, a.y};
#ifdef DISTILL_X86
  if (selected_isa() != Isa::scalar) return avx2::run_passes(passes);
#endif
  scalar::run_passes(passes);
}

}  // namespace distill
