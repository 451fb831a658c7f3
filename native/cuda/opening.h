// Opens the CUDA library for code outside of it: the addon, the probe and the driver in native/testing. All functions throw CudaUnavailable
// with the reason if the library cannot be used here.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "cuda/errors.h"
#include "cuda/library.h"

#if defined(_WIN32)
#include <windows.h>
#else
#include <dlfcn.h>
#endif

namespace distill {

#if defined(_WIN32)
inline void *open_file(const std::string &path) { return reinterpret_cast<void *>(LoadLibraryA(path.c_str())); }
inline void *find_symbol(void *file, const char *name) {
  return reinterpret_cast<void *>(GetProcAddress(static_cast<HMODULE>(file), name));
}
inline std::string why_not_opened() { return "error " + std::to_string(GetLastError()); }
#else
inline void *open_file(const std::string &path) { return dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL); }
inline void *find_symbol(void *file, const char *name) { return dlsym(file, name); }
inline std::string why_not_opened() { return dlerror(); }
#endif

// Opened once and never closed, because the CUDA runtime in it has threads of its own.
inline const CudaLibrary &cuda_library(const std::string &path) {
  static std::map<std::string, const CudaLibrary *> libraries;
  if (const auto found = libraries.find(path); found != libraries.end()) return *found->second;
  void *file = open_file(path);
  if (!file) throw CudaUnavailable("the CUDA library cannot be opened: " + why_not_opened());
  const auto get = reinterpret_cast<decltype(&distill_cuda_library)>(find_symbol(file, "distill_cuda_library"));
  const CudaLibrary *library = get ? get() : nullptr;
  if (!library || library->version != kCudaLibraryVersion)
    throw CudaUnavailable("the CUDA library " + path + " is from another version of the program: build or install it again");
  return *libraries.emplace(path, library).first->second;
}

// Throws the last failure of the library, if there was one.
inline void check(const CudaLibrary &library) {
  const CudaFailure *failure = library.take_failure();
  if (!failure) return;
  switch (failure->kind) {
    case CudaFailure::out_of_memory:
      throw CudaOutOfMemory(failure->asked, failure->free);
    case CudaFailure::unavailable:
      throw CudaUnavailable(failure->message);
    case CudaFailure::lost:
      throw CudaDeviceLost(failure->message);
    case CudaFailure::error:
      throw CudaError(failure->message);
  }
}

inline int count_gpus(const CudaLibrary &library) {
  const int count = library.device_count();
  check(library);
  if (count == 0) throw CudaUnavailable("there is no NVIDIA GPU in this machine");
  return count;
}

inline CudaDeviceDescription describe_gpu(const CudaLibrary &library, int gpu) {
  const CudaDeviceDescription description = library.describe(gpu);
  check(library);
  return description;
}

// Throws if the library has no code for the GPU.
inline void expect_usable(const CudaDeviceDescription &gpu) {
  constexpr int kOldestMajor = 7, kOldestMinor = 5;
  if (std::pair(gpu.capability_major, gpu.capability_minor) >= std::pair(kOldestMajor, kOldestMinor)) return;
  throw CudaUnavailable(std::string(gpu.name) + " has compute capability " + std::to_string(gpu.capability_major) + "." +
                        std::to_string(gpu.capability_minor) + "; 7.5 or newer is needed");
}

}  // namespace distill
