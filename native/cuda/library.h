// The border between the addon and the CUDA library, which is a file of its own: opened only on request, and never linked. Plain data and
// function pointers; no exception crosses it.
#pragma once

#include <cstdint>

#include "ops.h"

namespace distill {

constexpr int kCudaLibraryVersion = 2;

struct CudaDeviceDescription {
  char name[256];
  int64_t memory_bytes, free_bytes;
  int capability_major, capability_minor;
  int multiprocessors;
};

struct CudaFailure {
  // lost: an error after which every further call in this process fails.
  enum Kind { error, lost, out_of_memory, unavailable } kind;
  char message[8192];
  int64_t asked, free;  // bytes, of out_of_memory
};

// A copy to the host that is under way.
struct CudaRead;
// Work that can be queued again at once.
struct CudaRecording;

struct CudaLibrary {
  int version;
  // What went wrong first since the last call, null if nothing did; valid until the next failure. Every function below may fail.
  const CudaFailure *(*take_failure)();

  int (*device_count)();
  int (*driver_version)();   // 1000 major + 10 minor of the CUDA version that the driver knows; 0: no driver
  int (*runtime_version)();  // that the library was built with
  CudaDeviceDescription (*describe)(int device);
  // Makes the device the one that all calls below are about.
  void (*open)(int device);

  // Memory of the device, 256-byte aligned. Where there is no room, `relieve` is called, which may free what can be spared; then the device
  // is asked once more.
  void (*when_full)(void (*relieve)(void *owner), void *owner);
  void *(*allocate)(int64_t bytes);
  void (*free)(void *memory);

  // Copies, ordered with the ops. Where one from the host returns, the host's memory may change; `read` returns when the content is there.
  void (*write)(void *to, const void *from_host, int64_t bytes);
  void (*read)(void *to_host, const void *from, int64_t bytes);
  void (*copy)(void *to, const void *from, int64_t bytes);
  void (*fill)(void *to, uint32_t pattern, int64_t bytes);  // words of 4 bytes, and the pattern's first bytes at the end
  // A read that is queued now and waited for later. Each is to be finished once; to null: its content is dropped.
  CudaRead *(*read_later)(const void *from, int64_t bytes);
  void (*finish_read)(CudaRead *read, void *to_host);
  // Returns when all work is done; fails with what any of it did wrong.
  void (*synchronize)();

  // From begin to end work is noted down instead of done (a CUDA graph). It must not wait, copy from or to the host, or free memory. A
  // replay queues all of it, on the same addresses and with the same numbers. end: null after a failure, which lies in something in
  // between.
  void (*begin_recording)();
  CudaRecording *(*end_recording)();
  void (*replay)(const CudaRecording *recording);
  void (*forget)(CudaRecording *recording);

  // On pointers of the device; a call returns when the work is queued.
  const Ops *ops;
};

// The one symbol of the library.
extern "C" const CudaLibrary *distill_cuda_library();

}  // namespace distill
