// Images, and windows that slide over them, for convolutions and pools.
#pragma once

#include <algorithm>
#include <string>

#include "addon/bindings/read.h"
#include "addon/device.h"

namespace distill {

// Whether images are [H,W,N,C]
inline bool read_layout(Arguments &a) {
  const bool hwnc = a.optional_flag("hwnc");
  if (hwnc && &a.device() != &cpu_device()) a.wrong_range("hwnc", "false on a GPU, whose images are [N,H,W,C]", "true");
  return hwnc;
}
inline const char *image(bool hwnc) { return hwnc ? "H W N C" : "N H W C"; }

// Binds the output extents P and Q of a window that slides over H and W. Padding must leave part of each window inside.
inline void bind_windows(Arguments &a, int64_t height, int64_t width, int64_t stride, int64_t padding) {
  const auto output_extent = [&](char letter, int64_t extent, int64_t window) {
    if (window > extent + 2 * padding)
      a.wrong_range("padding",
                    std::string("at least ") + std::to_string((window - extent + 1) / 2) + " for a window of " + std::to_string(window) +
                        " on " + letter + "=" + std::to_string(extent),
                    std::to_string(padding));
    return (extent + 2 * padding - window) / stride + 1;
  };
  a.bind('P', output_extent('H', a['H'], height));
  a.bind('Q', output_extent('W', a['W'], width));
}

// Rows of zeros above an image, and columns to the left of it; those below and to the right follow from the extents.
struct Padding {
  int64_t top, left;
};

// "same", TensorFlow's padding: ceil(extent / stride) windows, which need `total` zeros; the smaller half of them comes first.
inline int64_t bind_same(Arguments &a, char letter, int64_t extent, int64_t window, int64_t stride) {
  const int64_t outputs = (extent + stride - 1) / stride, total = std::max<int64_t>((outputs - 1) * stride + window - extent, 0);
  a.bind(letter, outputs);
  return total / 2;
}

// Reads `padding`, a number of zeros on all sides or "same", for windows R x S; binds P and Q.
inline Padding read_padding(Arguments &a, int64_t stride) {
  const int64_t most = std::min(a['R'], a['S']) - 1;
  if (!a.is_text("padding")) {
    const int64_t padding = a.integer("padding", 0, most);
    bind_windows(a, a['R'], a['S'], stride, padding);
    return {padding, padding};
  }
  a.choice("padding", {"same"}, ", or an integer from 0 to " + std::to_string(most));
  const int64_t top = bind_same(a, 'P', a['H'], a['R'], stride), left = bind_same(a, 'Q', a['W'], a['S'], stride);
  return {top, left};
}

}  // namespace distill
