#include "cuda/emulator/runtime.h"

#include <cstdlib>
#include <cstring>
#include <deque>
#include <set>
#include <string>

#include "cuda/emulator/machine.h"
#include "cuda/emulator/memory.h"
#include "cuda/emulator/reports.h"

namespace emulator {

struct Stream {
  std::deque<std::function<void()>> queue;
};
// Recorded `recorded` times, passed `passed` times.
struct Event {
  Stream *stream = nullptr;
  uint64_t recorded = 0, passed = 0;
};

namespace {

Stream default_stream;
std::set<Stream *> streams;
std::string problem;

Stream &given(Stream *stream) { return stream ? *stream : default_stream; }

void run_front(Stream &stream) {
  const auto work = std::move(stream.queue.front());
  stream.queue.pop_front();
  work();
}

// Runs what is queued. What the kernels did wrong comes out where the host waits for them, as on a device.
cudaError_t drain(Stream &stream) {
  if (const char *order = std::getenv("DISTILL_EMULATOR_ORDER")) set_order(static_cast<unsigned>(std::atoi(order)));
  while (!stream.queue.empty()) run_front(stream);
  const std::vector<std::string> reports = take_reports();
  if (reports.empty()) return cudaSuccess;
  problem.clear();
  for (const std::string &report : reports) problem += (problem.empty() ? "" : "\n") + report;
  return cudaErrorLaunchFailure;
}

void run_until(Event &event, uint64_t count) {
  while (event.passed < count && !event.stream->queue.empty()) run_front(*event.stream);
}

void copy(void *to, const void *from, size_t bytes) {
  const auto bad = [](const char *what) {
    report("out-of-bounds", std::source_location::current(), std::string("a copy ") + what + " outside of every allocation");
  };
  if (is_device(from) && !is_allocated(from, bytes)) return bad("from");
  if (is_device(to) && !is_allocated(to, bytes)) return bad("to");
  std::memcpy(to, from, bytes);
  mark_written(to, bytes);
}

}  // namespace

void enqueue(Stream *stream, std::function<void()> work) { given(stream).queue.push_back(std::move(work)); }

}  // namespace emulator

using namespace emulator;

cudaError_t cudaGetDeviceCount(int *count) {
  *count = 1;
  return cudaSuccess;
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp *properties, int) {
  *properties = {"Emulator", kDeviceBytes, 8, 0, 1};
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int) { return cudaSuccess; }
cudaError_t cudaDriverGetVersion(int *version) {
  *version = 0;
  return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int *version) {
  *version = 0;
  return cudaSuccess;
}
cudaError_t cudaMemGetInfo(size_t *free, size_t *total) {
  *free = device_bytes_free();
  *total = kDeviceBytes;
  return cudaSuccess;
}

cudaError_t cudaMalloc(void **memory, size_t bytes) {
  *memory = allocate_device(bytes);
  return *memory ? cudaSuccess : cudaErrorMemoryAllocation;
}

cudaError_t cudaFree(void *memory) {
  cudaError_t status = drain(default_stream);
  for (Stream *stream : streams)
    if (const cudaError_t failed = drain(*stream)) status = failed;
  if (memory && !free_device(memory)) return cudaErrorInvalidValue;
  return status;
}

// From pageable memory of the host the copy is taken at once, into the host it is waited for by the caller.
cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  if (kind == cudaMemcpyHostToDevice) {
    std::string taken(static_cast<const char *>(from), bytes);
    enqueue(stream, [to, taken = std::move(taken)] { copy(to, taken.data(), taken.size()); });
  } else {
    enqueue(stream, [=] { copy(to, from, bytes); });
  }
  return cudaSuccess;
}

cudaError_t cudaMemsetAsync(void *to, int value, size_t bytes, cudaStream_t stream) {
  enqueue(stream, [=] {
    std::memset(to, value, bytes);
    mark_written(to, bytes);
  });
  return cudaSuccess;
}

cudaError_t cudaStreamCreate(cudaStream_t *stream) {
  *stream = new Stream;
  streams.insert(*stream);
  return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  const cudaError_t status = drain(*stream);
  streams.erase(stream);
  delete stream;
  return status;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) { return drain(given(stream)); }

cudaError_t cudaEventCreate(cudaEvent_t *event) {
  *event = new Event;
  return cudaSuccess;
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete event;
  return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  event->stream = &given(stream);
  const uint64_t count = ++event->recorded;
  enqueue(stream, [=] { event->passed = count; });
  return cudaSuccess;
}
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  const uint64_t count = event->recorded;
  enqueue(stream, [=] { run_until(*event, count); });
  return cudaSuccess;
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  run_until(*event, event->recorded);
  return cudaSuccess;
}

cudaError_t cudaGetLastError() { return cudaSuccess; }
const char *cudaGetErrorName(cudaError_t status) {
  switch (status) {
    case cudaSuccess:
      return "cudaSuccess";
    case cudaErrorMemoryAllocation:
      return "cudaErrorMemoryAllocation";
    case cudaErrorLaunchFailure:
      return "cudaErrorLaunchFailure";
    default:
      return "cudaErrorInvalidValue";
  }
}
const char *cudaGetErrorString(cudaError_t status) { return status == cudaErrorLaunchFailure ? problem.c_str() : cudaGetErrorName(status); }
