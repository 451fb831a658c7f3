// Where a pixel of a batch is: images are stored [N,H,W,C] or [H,W,N,C] (hwnc).
#pragma once

#include <cstdint>

namespace distill {
namespace {

// Distances between neighbours, in pixels of C channels: from image to image, and from pixel to pixel in row-major order.
struct ImageLayout {
  int64_t image, pixel;

  ImageLayout(bool hwnc, int64_t N, int64_t pixels) : image(hwnc ? 1 : pixels), pixel(hwnc ? N : 1) {}
  int64_t at(int64_t n, int64_t i) const { return n * image + i * pixel; }
};

}  // namespace
}  // namespace distill
