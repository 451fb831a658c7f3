// Where an image's activations are large: a warp sums the squares of each place over channels, a block normalises those of each image.
#include "cuda/launchers.h"
#include "cuda/sums.cuh"

namespace distill::cuda {

namespace {

constexpr int kWarps = 4, kThreads = 32 * kWarps;
constexpr float kSmallestNorm = 1e-12f;

__global__ void __launch_bounds__(kThreads) energy_of_places(EnergyMapForward a) {
  const int64_t place = int64_t{blockIdx.x} * kWarps + threadIdx.x / 32;
  if (place >= a.N * a.G) return;  // the whole warp
  double energy = 0;
  for (int64_t c = threadIdx.x % 32; c < a.C; c += 32) {
    const float x = a.x[place * a.C + c];
    energy += double{x} * x;
  }
  energy = gpu::warp_sum(energy);
  if (threadIdx.x % 32 == 0) a.y[place] = static_cast<float>(energy);
}

__global__ void __launch_bounds__(kThreads) normalise_images(EnergyMapForward a) {
  const int64_t n = blockIdx.x;
  float *y = a.y + n * a.G;
  double squares = 0;
  for (int64_t g = threadIdx.x; g < a.G; g += kThreads) squares += double{y[g]} * y[g];
  const float norm = static_cast<float>(sqrt(gpu::block_sum<kThreads>(squares)));
  if (threadIdx.x == 0) a.norm[n] = norm;
  for (int64_t g = threadIdx.x; g < a.G; g += kThreads) y[g] /= fmaxf(norm, kSmallestNorm);
}

__global__ void __launch_bounds__(kThreads) gradient_of_images(EnergyMapBackward a) {
  const int64_t n = blockIdx.x;
  const float *y = a.y + n * a.G, *dy = a.dy + n * a.G, norm = a.norm[n];
  double part = 0;
  for (int64_t g = threadIdx.x; g < a.G; g += kThreads) part += double{y[g]} * dy[g];
  const double sum = gpu::block_sum<kThreads>(part);
  const float along = norm < kSmallestNorm ? 0 : static_cast<float>(sum);
  for (int64_t i = threadIdx.x; i < a.G * a.C; i += kThreads) {
    const int64_t g = i / a.C, at = n * a.G * a.C + i;
    a.dx[at] = 2 * a.x[at] * ((dy[g] - y[g] * along) / fmaxf(norm, kSmallestNorm));
  }
}

}  // namespace

void energy_map_forward(const EnergyMapForward &a) {
  GPU_LAUNCH(energy_of_places, gpu::blocks_for(a.N * a.G, kWarps), kThreads, 0, a);
  GPU_LAUNCH(normalise_images, static_cast<unsigned>(a.N), kThreads, 0, a);
}

void energy_map_backward(const EnergyMapBackward &a) { GPU_LAUNCH(gradient_of_images, static_cast<unsigned>(a.N), kThreads, 0, a); }

}  // namespace distill::cuda
