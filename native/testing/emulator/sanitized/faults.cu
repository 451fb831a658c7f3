// sanitized_faults FAULT [planted]: runs one kernel and its launcher, with or without a mistake that only the sanitizers detect.
#include <cstdio>
#include <cstring>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cuda/gpu.cuh"

namespace distill::gpu {
// Declared by the library, which is not linked here.
cudaStream_t stream() { return nullptr; }
void check(cudaError_t, const LaunchSite &) {}
}  // namespace distill::gpu

namespace {

using namespace distill;

// Out of line, so that the array's size is unknown.
[[gnu::noinline]] __device__ void set(float *array, int index, float value) { array[index] = value; }

__global__ void sum_of_own_array(float *y, int index) {
  float own[4] = {};
  set(own, index, static_cast<float>(threadIdx.x));
  y[threadIdx.x] = own[0] + own[1] + own[2] + own[3];
}

__global__ void signed_product(float *y, int factor) {
  const int product = static_cast<int>(threadIdx.x + 2) * factor;
  y[threadIdx.x] = static_cast<float>(product);
}

__global__ void first_of_pair(float *y, int offset) { y[threadIdx.x] = reinterpret_cast<const float2 *>(y + offset)->x; }

__global__ void write_ones(float *y) { y[threadIdx.x] = 1; }

void launch_from_list(float *y, size_t length) {
  const auto list = std::make_unique<int[]>(length);
  int *last = list.get() + 3;
  *last = 32;
  GPU_LAUNCH(write_ones, 1, static_cast<unsigned>(*last), 0, y);
}

void launch_from_freed(float *y, bool is_freed) {
  auto threads = std::make_unique<unsigned>(32);
  const unsigned *at = threads.get();
  if (is_freed) threads.reset();
  GPU_LAUNCH(write_ones, 1, *at, 0, y);
}

using Fault = std::pair<const char *, std::function<void(float *y, bool planted)>>;
const std::vector<Fault> faults = {
    {"own array out of bounds", [](float *y, bool planted) { GPU_LAUNCH(sum_of_own_array, 1, 32, 0, y, planted ? 4 : 3); }},
    {"signed overflow",
     [](float *y, bool planted) { GPU_LAUNCH(signed_product, 1, 32, 0, y, planted ? std::numeric_limits<int>::max() : 1); }},
    {"misaligned pair", [](float *y, bool planted) { GPU_LAUNCH(first_of_pair, 1, 32, 0, y, planted ? 1 : 2); }},
    {"host memory out of bounds", [](float *y, bool planted) { launch_from_list(y, planted ? 3 : 4); }},
    {"host memory after its end", launch_from_freed},
};

}  // namespace

int main(int count, char **arguments) {
  const bool planted = count == 3 && std::strcmp(arguments[2], "planted") == 0;
  for (const auto &[name, run] : faults) {
    if (count < 2 || std::strcmp(name, arguments[1]) != 0) continue;
    void *y = nullptr;
    cudaMalloc(&y, 64 * sizeof(float));
    run(static_cast<float *>(y), planted);
    return cudaStreamSynchronize(nullptr) == cudaSuccess ? 0 : 1;
  }
  std::fprintf(stderr, "usage: sanitized_faults FAULT [planted]\n");
  return 2;
}
