// distill_cuda_probe LIBRARY: reports what the CUDA library finds in this machine, and whether a kernel runs there. It is a program of its
// own because a broken driver may kill or block the process that asks it. Prints one line of JSON.
#include <cstdio>
#include <string>
#include <vector>

#include "cuda/opening.h"

using namespace distill;

namespace {

std::string quoted(const std::string &text) {
  std::string escaped = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') escaped += '\\';
    escaped += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
  }
  return escaped + "\"";
}

// 13000 -> "13.0"
std::string version(int number) { return quoted(std::to_string(number / 1000) + "." + std::to_string(number % 1000 / 10)); }

std::string description(const CudaDeviceDescription &gpu) {
  return "{\"name\":" + quoted(gpu.name) + ",\"memoryBytes\":" + std::to_string(gpu.memory_bytes) +
         ",\"freeBytes\":" + std::to_string(gpu.free_bytes) +
         ",\"capability\":" + quoted(std::to_string(gpu.capability_major) + "." + std::to_string(gpu.capability_minor)) + "}";
}

// The driver's release, such as "580.95.05", as reported by NVIDIA's management library (NVML), which is installed with the driver; "" if
// NVML is missing.
std::string driver_release() {
#if defined(_WIN32)
  void *library = open_file("nvml.dll");
#else
  void *library = open_file("libnvidia-ml.so.1");
#endif
  if (!library) return "";
  const auto begin = reinterpret_cast<int (*)()>(find_symbol(library, "nvmlInit_v2"));
  const auto get = reinterpret_cast<int (*)(char *, unsigned)>(find_symbol(library, "nvmlSystemGetDriverVersion"));
  char release[80] = "";  // NVML_SYSTEM_DRIVER_VERSION_BUFFER_SIZE
  const bool is_known = begin && get && begin() == 0 && get(release, sizeof(release)) == 0;
  return is_known ? release : "";
}

void run_kernel(const CudaLibrary &library, int gpu) {
  constexpr uint32_t kPattern = 0x12345678;
  std::vector<uint32_t> content(1000);
  const auto bytes = static_cast<int64_t>(content.size() * sizeof(uint32_t));
  library.open(gpu);
  check(library);
  void *memory = library.allocate(bytes);
  check(library);
  library.fill(memory, kPattern, bytes);
  library.read(content.data(), memory, bytes);
  check(library);
  for (const uint32_t word : content)
    if (word != kPattern) throw CudaError("a kernel ran on the GPU but wrote wrong values");
}

// Describes all GPUs; the first one must work.
std::string inventory(const CudaLibrary &library) {
  std::string gpus;
  const int count = count_gpus(library);
  for (int i = 0; i < count; i++) gpus += (i > 0 ? "," : "") + description(describe_gpu(library, i));
  expect_usable(describe_gpu(library, 0));
  run_kernel(library, 0);
  return "{\"driver\":" + version(library.driver_version()) + ",\"release\":" + quoted(driver_release()) +
         ",\"runtime\":" + version(library.runtime_version()) + ",\"gpus\":[" + gpus + "]}";
}

}  // namespace

int main(int count, char **arguments) {
  std::string answer;
  try {
    if (count != 2) throw CudaUnavailable("expected the path of the CUDA library");
    answer = inventory(cuda_library(arguments[1]));
  } catch (const CudaOutOfMemory &error) {
    answer = "{\"unavailable\":" + quoted("only " + std::to_string(error.free) + " bytes are free on the GPU") + "}";
  } catch (const std::exception &error) {
    answer = "{\"unavailable\":" + quoted(error.what()) + "}";
  }
  std::puts(answer.c_str());
}
