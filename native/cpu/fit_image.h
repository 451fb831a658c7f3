// Fits a picture into a square, to the bit as torchvision's Resize(side) and CenterCrop(side) do with an image of Pillow: bilinear,
// antialiased when shrinking, in the whole numbers of Pillow's Resample.c. For any thread: it is no op, and takes no tensors.
#pragma once

#include <cstdint>

namespace distill {

struct FitImage {
  const uint8_t *image;  // [H,W,3]
  int64_t H, W;
  // Sides of the picture that the image shows, from which those of the resized one follow. Others than H and W if it was shrunk while it
  // was decoded: then the picture covers `rows` rows and `columns` columns from the first on, which may be fractions, less than the image
  // has or up to one more.
  int64_t height, width;
  double rows, columns;
  int64_t side;
  uint8_t *y;  // [side,side,3]
};

// Throws std::bad_alloc.
void fit_image(const FitImage &a);

}  // namespace distill
