// Runs every fault with and without its mistake, and prints a line of JSON for each: the reports, and whether the values were right.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "cuda/gpu.cuh"
#include "testing/emulator/faults/faults.h"
#include "testing/emulator/machine.h"
#include "testing/emulator/reports.h"
#include "testing/emulator/runtime.h"

using namespace distill::faults;

namespace distill::gpu {
// Declared by the library, which is not linked here.
cudaStream_t stream() { return nullptr; }
void check(cudaError_t, const LaunchSite &) {}
}  // namespace distill::gpu

namespace {

constexpr int kCount = 256;

template <class T>
T *device(const std::vector<T> &content) {
  void *memory = nullptr;
  cudaMalloc(&memory, content.size() * sizeof(T));
  cudaMemcpyAsync(memory, content.data(), content.size() * sizeof(T), cudaMemcpyHostToDevice, nullptr);
  return static_cast<T *>(memory);
}
template <class T>
T *empty(int count) {
  void *memory = nullptr;
  cudaMalloc(&memory, static_cast<size_t>(count) * sizeof(T));
  return static_cast<T *>(memory);
}

std::vector<float> numbers() {
  std::vector<float> values(kCount);
  for (int i = 0; i < kCount; i++) values[static_cast<size_t>(i)] = static_cast<float>(i % 17) - 8;
  return values;
}

// Small whole numbers, which bf16 holds exactly.
std::vector<uint16_t> bf16_numbers(int factor) {
  std::vector<uint16_t> bits(256);
  for (int i = 0; i < 256; i++) {
    const float value = static_cast<float>(i * factor % 11) - 5;
    bits[static_cast<size_t>(i)] = static_cast<uint16_t>(__float_as_uint(value) >> 16);
  }
  return bits;
}
float bf16_value(uint16_t bits) { return __uint_as_float(static_cast<unsigned>(bits) << 16); }

std::vector<float> content(const float *memory, int count) {
  std::vector<float> values(static_cast<size_t>(count));
  cudaMemcpyAsync(values.data(), memory, values.size() * sizeof(float), cudaMemcpyDeviceToHost, nullptr);
  cudaStreamSynchronize(nullptr);
  return values;
}

bool product_is_right(bool planted) {
  const std::vector<uint16_t> a = bf16_numbers(7), b = bf16_numbers(5);
  float *y = empty<float>(128);
  run_product(device(a), device(b), y, planted);
  const std::vector<float> values = content(y, 128);
  for (int i = 0; i < 16; i++) {
    for (int j = 0; j < 8; j++) {
      float sum = 0;
      for (int k = 0; k < 16; k++) sum += bf16_value(a[static_cast<size_t>(16 * i + k)]) * bf16_value(b[static_cast<size_t>(16 * k + j)]);
      if (sum != values[static_cast<size_t>(8 * i + j)]) return false;
    }
  }
  return true;
}

// One stream reads y from another, which it may or may not wait for.
bool second_stream_is_right(bool planted) {
  cudaStream_t first, second;
  cudaStreamCreate(&first);
  cudaStreamCreate(&second);
  cudaEvent_t written;
  cudaEventCreate(&written);
  float *x = device(numbers()), *y = device(std::vector<float>(kCount, 0)), *z = device(std::vector<float>(kCount, 0));
  cudaStreamSynchronize(nullptr);
  cudaMemcpyAsync(y, x, kCount * sizeof(float), cudaMemcpyDeviceToDevice, first);
  cudaEventRecord(written, first);
  if (!planted) cudaStreamWaitEvent(second, written);
  cudaMemcpyAsync(z, y, kCount * sizeof(float), cudaMemcpyDeviceToDevice, second);
  cudaStreamSynchronize(second);
  cudaStreamSynchronize(first);
  const bool right = content(z, kCount) == numbers();
  cudaEventDestroy(written);
  cudaStreamDestroy(second);
  cudaStreamDestroy(first);
  return right;
}

bool always(const std::function<void()> &run) {
  run();
  return true;
}

struct Fault {
  const char *name;
  std::function<bool(bool planted)> run;  // whether the values were right
};

const std::vector<Fault> faults = {
    {"shared race", [](bool p) { return always([&] { run_shared_race(empty<float>(64), p); }); }},
    {"race inside a warp", [](bool p) { return always([&] { run_warp_race(empty<float>(32), p); }); }},
    {"non-atomic sum", [](bool p) { return always([&] { run_non_atomic_sum(device(std::vector<float>(1)), p); }); }},
    {"dropped barrier", [](bool p) { return always([&] { run_dropped_barrier(device(numbers()), empty<float>(64), p); }); }},
    {"divergent barrier", [](bool p) { return always([&] { run_divergent_barrier(empty<float>(64), p); }); }},
    {"exit before a barrier", [](bool p) { return always([&] { run_early_exit(empty<float>(64), p); }); }},
    {"divergent shuffle", [](bool p) { return always([&] { run_divergent_shuffle(empty<float>(32), p); }); }},
    {"deadlock", [](bool p) { return always([&] { run_deadlock(empty<float>(64), p); }); }},
    {"out of bounds", [](bool p) { return always([&] { run_copy(device(numbers()), empty<float>(60), p ? 61 : 60); }); }},
    {"shared out of bounds", [](bool p) { return always([&] { run_shared_out_of_bounds(empty<float>(32), p); }); }},
    {"shared memory without asking", [](bool p) { return always([&] { run_shared_unasked(empty<float>(32), p); }); }},
    {"uninitialised", [](bool p) { return always([&] { run_copy(p ? empty<float>(64) : device(numbers()), empty<float>(64), 64); }); }},
    {"host pointer",
     [](bool p) {
       static const std::vector<float> host(64, 1.0f);
       return always([&] { run_copy(p ? host.data() : device(host), empty<float>(64), 64); });
     }},
    {"use after free",
     [](bool p) {
       float *x = device(numbers());
       cudaStreamSynchronize(nullptr);
       float *kept = empty<float>(64);
       if (p) cudaFree(x);
       return always([&] { run_copy(x, kept, 64); });
     }},
    {"misaligned", [](bool p) { return always([&] { run_misaligned(device(numbers()), empty<float>(32), p); }); }},
    {"missing wait for a copy", [](bool p) { return always([&] { run_unfinished_copy(device(numbers()), empty<float>(32), p); }); }},
    {"own row without order", [](bool p) { return always([&] { run_own_row(empty<uint32_t>(128), p); }); }},
    {"wrong half of a fragment", product_is_right},
    {"missing wait for an event", second_stream_is_right},
};

std::string quoted(const std::string &text) {
  std::string result = "\"";
  for (const char c : text) result += c == '\n' ? "\\n" : c == '"' || c == '\\' ? std::string("\\") + c : std::string(1, c);
  return result + "\"";
}

}  // namespace

int main() {
  for (const char *order : {"0", "1", "7"}) {
    setenv("DISTILL_EMULATOR_ORDER", order, 1);
    for (const Fault &fault : faults) {
      for (const bool planted : {false, true}) {
        const bool right = fault.run(planted);
        const cudaError_t status = cudaStreamSynchronize(nullptr);
        const std::string problem = status == cudaSuccess ? "" : cudaGetErrorString(status);
        std::printf("{\"fault\":%s,\"order\":%s,\"planted\":%s,\"right\":%s,\"report\":%s}\n", quoted(fault.name).c_str(), order,
                    planted ? "true" : "false", right ? "true" : "false", quoted(problem).c_str());
      }
    }
  }
  return 0;
}
