// The border between the addon and the CUDA library, which is a file of its own: opened only on request, and never linked. Plain data and
// function pointers; no exception crosses it.
#pragma once

#include <cstdint>

#include "ops.h"

namespace distill {

constexpr int kCudaLibraryVersion = 1;

struct CudaDeviceDescription {
  char name[256];
  int64_t memory_bytes, free_bytes;
  int capability_major, capability_minor;
  int multiprocessors;
};

struct CudaFailure {
  enum Kind { none, error, out_of_memory, unavailable } kind;
  char message[8192];
  int64_t asked, free;  // bytes, of out_of_memory
};

struct CudaLibrary {
  int version;
  // What went wrong first since the last call; kind none if nothing did. Every function below may fail.
  CudaFailure (*take_failure)();

  int (*device_count)();
  int (*driver_version)();   // 1000 major + 10 minor of the CUDA version that the driver knows; 0: no driver
  int (*runtime_version)();  // that the library was built with
  CudaDeviceDescription (*describe)(int device);
  // Makes the device the one that all calls below are about.
  void (*open)(int device);

  // Memory of the device, 256-byte aligned. Copies are ordered with the ops. `read` returns when the content is there.
  void *(*allocate)(int64_t bytes);
  void (*free)(void *memory);
  void (*write)(void *to, const void *from_host, int64_t bytes);
  void (*read)(void *to_host, const void *from, int64_t bytes);
  void (*copy)(void *to, const void *from, int64_t bytes);
  void (*fill)(void *to, uint32_t pattern, int64_t bytes);  // words of 4 bytes, and the pattern's first bytes at the end
  // Returns when all work is done; fails with what any of it did wrong.
  void (*synchronize)();

  // On pointers of the device; a call returns when the work is queued.
  const Ops *ops;
};

// The one symbol of the library.
extern "C" const CudaLibrary *distill_cuda_library();

}  // namespace distill
