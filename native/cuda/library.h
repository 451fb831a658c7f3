// The border between the addon and the CUDA library, a file of its own that is opened only on request and never linked. It consists of
// plain data and function pointers; no exception crosses it.
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
  // lost: every further call in this process fails.
  enum Kind { error, lost, out_of_memory, unavailable } kind;
  char message[8192];
  int64_t asked, free;  // bytes, of out_of_memory
};

// A pending copy to the host.
struct CudaRead;
// Recorded work that can be queued again as a whole.
struct CudaRecording;

struct CudaLibrary {
  int version;
  // The first failure since the last call, or null; valid until the next failure. Every function below may fail.
  const CudaFailure *(*take_failure)();

  int (*device_count)();
  int (*driver_version)();   // the CUDA version that the driver knows, as 1000 major + 10 minor; 0: no driver
  int (*runtime_version)();  // the version that the library was built with
  CudaDeviceDescription (*describe)(int device);
  // Selects the device for all calls below.
  void (*open)(int device);

  // Device memory, 256-byte aligned. If there is no room, `relieve` is called to free what can be spared, then the device is asked
  // again.
  void (*when_full)(void (*relieve)(void *owner), void *owner);
  void *(*allocate)(int64_t bytes);
  void (*free)(void *memory);

  // Copies, ordered with the ops. Once a copy from the host returns, the host's memory may change; `read` returns when the content
  // has arrived.
  void (*write)(void *to, const void *from_host, int64_t bytes);
  void (*read)(void *to_host, const void *from, int64_t bytes);
  void (*copy)(void *to, const void *from, int64_t bytes);
  void (*fill)(void *to, uint32_t pattern, int64_t bytes);  // in words of 4 bytes; the end gets the first bytes of the pattern
  // A read that is queued now and waited for later. Each must be finished once; finishing to null drops the content.
  CudaRead *(*read_later)(const void *from, int64_t bytes);
  void (*finish_read)(CudaRead *read, void *to_host);
  // Returns when all work is done; fails if any of it failed.
  void (*synchronize)();

  // Between begin and end, work is recorded (as a CUDA graph) instead of run. It must not wait, copy from or to the host, or free memory. A
  // replay queues all of it, on the same addresses and with the same arguments. end returns null after a failure of something in
  // between.
  void (*begin_recording)();
  CudaRecording *(*end_recording)();
  void (*replay)(const CudaRecording *recording);
  void (*forget)(CudaRecording *recording);

  // Ops take device pointers; a call returns once the work is queued.
  const Ops *ops;
};

// The only symbol of the library.
extern "C" const CudaLibrary *distill_cuda_library();

}  // namespace distill
