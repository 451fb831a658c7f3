// The GPU under test, or the emulator, and the time that calls take there.
#pragma once

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "addon/device.h"
#include "cuda/opening.h"

namespace distill::driver {

struct Gpu {
  explicit Gpu(const std::string &path)
      : device(cuda_device(path, 0)), library(cuda_library(path)), description(describe_gpu(library, 0)) {}
  void wait() {
    library.synchronize();
    device.check();
  }

  Device &device;
  const CudaLibrary &library;
  const CudaDeviceDescription description;
};

// Seconds to queue and run something once: the median over rounds of many repetitions. A round takes about 50 ms; slow calls get fewer
// rounds.
template <class Queue>
double seconds_of(Gpu &gpu, const Queue &queue) {
  constexpr size_t kRounds = 9;
  constexpr double kRoundSeconds = 0.05, kMostSeconds = 2;
  const auto round_of = [&](int repetitions) {
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < repetitions; i++) queue();
    gpu.wait();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() / repetitions;
  };
  round_of(1);  // warms up
  const int repetitions = static_cast<int>(std::clamp(kRoundSeconds / round_of(1), 1.0, 1000.0));
  std::vector<double> rounds;
  for (double total = 0; rounds.size() < kRounds && total < kMostSeconds; total += repetitions * rounds.back())
    rounds.push_back(round_of(repetitions));
  std::nth_element(rounds.begin(), rounds.begin() + static_cast<std::ptrdiff_t>(rounds.size() / 2), rounds.end());
  return rounds[rounds.size() / 2];
}

}  // namespace distill::driver
