#include "testing/emulator/runtime.h"

#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "testing/emulator/machine.h"
#include "testing/emulator/memory.h"
#include "testing/emulator/reports.h"
#include "testing/emulator/settings.h"

namespace emulator {

struct Graph {
  std::vector<std::function<void()>> work;
};
struct Stream {
  std::deque<std::function<void()>> queue;
  Graph *captured = nullptr;
  bool capture_failed = false;
};
// How often the event was recorded and passed.
struct Event {
  Stream *stream = nullptr;
  uint64_t recorded = 0, passed = 0;
};

namespace {

Stream default_stream;
std::set<Stream *> streams;
std::map<const char *, size_t> pinned;
std::string problem;
int64_t done;  // pieces of work
bool lost;

std::map<const void *, size_t> shared_asked_by;

int capability() { return static_cast<int>(setting("capability").value_or(80)); }

Stream &given(Stream *stream) { return stream ? *stream : default_stream; }

// The result of a call that would otherwise return `status`: on a lost device every call fails.
cudaError_t answer(cudaError_t status = cudaSuccess) { return lost ? cudaErrorIllegalAddress : status; }

void run_front(Stream &stream) {
  const auto work = std::move(stream.queue.front());
  stream.queue.pop_front();
  const auto most = setting("lost-after");
  if (most && done++ >= *most) lost = true;
  if (!lost) work();
}

// Mistakes of kernels surface where the host waits for them, as on a device.
cudaError_t outcome() {
  const std::vector<std::string> reports = take_reports();
  if (reports.empty()) return answer();
  problem.clear();
  for (const std::string &report : reports) problem += (problem.empty() ? "" : "\n") + report;
  return answer(cudaErrorLaunchFailure);
}

// Calls that wait for the device are not allowed while its work is only captured; they invalidate the capture.
bool breaks_capture(Stream &stream) {
  if (stream.captured) stream.capture_failed = true;
  return stream.captured;
}
bool breaks_any_capture() {
  bool broken = breaks_capture(default_stream);
  for (Stream *stream : streams) broken |= breaks_capture(*stream);
  return broken;
}

cudaError_t drain(Stream &stream) {
  if (breaks_capture(stream)) return answer(cudaErrorStreamCaptureUnsupported);
  if (const char *order = std::getenv("DISTILL_EMULATOR_ORDER")) set_order(static_cast<unsigned>(std::atoi(order)));
  while (!stream.queue.empty()) run_front(stream);
  return outcome();
}

void run_until(Event &event, uint64_t count) {
  while (event.passed < count && !event.stream->queue.empty()) run_front(*event.stream);
}

bool is_pinned(const void *address) {
  const char *at = static_cast<const char *>(address);
  const auto after = pinned.upper_bound(at);
  return after != pinned.begin() && at < std::prev(after)->first + std::prev(after)->second;
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

size_t asked_shared(const void *kernel) {
  const auto found = shared_asked_by.find(kernel);
  return found == shared_asked_by.end() ? 0 : found->second;
}

int compiled_for() { return static_cast<int>(setting("compiled-for").value_or(capability())); }

// CUDA C++ Programming Guide, technical specifications per compute capability.
size_t most_shared() {
  switch (capability()) {
    case 75:
      return 64 << 10;
    case 86:
    case 89:
    case 120:
      return 99 << 10;
    default:
      return kSharedBytes;
  }
}

void enqueue(Stream *stream, std::function<void()> work) {
  Stream &to = given(stream);
  if (to.captured)
    to.captured->work.push_back(std::move(work));
  else
    to.queue.push_back(std::move(work));
}

}  // namespace emulator

using namespace emulator;

cudaError_t cudaGetDeviceCount(int *count) {
  if (setting("crash")) std::abort();
  if (setting("hang")) sleep(1000);
  int driver = 0, runtime = 0;
  cudaDriverGetVersion(&driver);
  cudaRuntimeGetVersion(&runtime);
  *count = 1;
  return driver < runtime ? cudaErrorInsufficientDriver : answer();
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp *properties, int) {
  *properties = {"Emulator", device_bytes(), capability() / 10, capability() % 10, 1};
  return answer();
}
cudaError_t cudaSetDevice(int) { return answer(); }
cudaError_t cudaGetDevice(int *device) {
  *device = 0;
  return answer();
}
cudaError_t cudaDeviceGetAttribute(int *value, cudaDeviceAttr attribute, int) {
  switch (attribute) {
    case cudaDevAttrMultiProcessorCount:
      *value = 1;
      break;
    case cudaDevAttrComputeCapabilityMajor:
      *value = capability() / 10;
      break;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin:
      *value = static_cast<int>(most_shared());
      break;
  }
  return answer();
}
cudaError_t cudaFuncGetAttributes(cudaFuncAttributes *attributes) {
  attributes->ptxVersion = compiled_for();
  return answer();
}
cudaError_t cudaFuncSetAttribute(const void *kernel, cudaFuncAttribute, int value) {
  if (value < 0 || static_cast<size_t>(value) > most_shared()) return answer(cudaErrorInvalidValue);
  shared_asked_by[kernel] = static_cast<size_t>(value);
  return answer();
}
cudaError_t cudaDriverGetVersion(int *version) {
  *version = static_cast<int>(setting("driver").value_or(13000));
  return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int *version) {
  *version = 13000;
  return cudaSuccess;
}
cudaError_t cudaMemGetInfo(size_t *free, size_t *total) {
  *free = device_bytes_free();
  *total = device_bytes();
  return answer();
}

cudaError_t cudaMalloc(void **memory, size_t bytes) {
  *memory = allocate_device(bytes);
  return answer(*memory ? cudaSuccess : cudaErrorMemoryAllocation);
}

cudaError_t cudaFree(void *memory) {
  if (!memory) return answer();
  if (breaks_any_capture()) return answer(cudaErrorStreamCaptureUnsupported);
  cudaError_t status = drain(default_stream);
  for (Stream *stream : streams)
    if (const cudaError_t failed = drain(*stream)) status = failed;
  if (!free_device(memory)) return answer(cudaErrorInvalidValue);
  return answer(status);
}

cudaError_t cudaMallocHost(void **memory, size_t bytes) {
  *memory = std::malloc(bytes);
  pinned[static_cast<const char *>(*memory)] = bytes;
  return answer();
}
cudaError_t cudaFreeHost(void *memory) {
  pinned.erase(static_cast<const char *>(memory));
  std::free(memory);
  return answer();
}

// Pageable host memory is copied immediately, pinned memory when the stream reaches the copy. A replay would copy what pageable memory
// holds by then, if it still exists.
cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  const bool pageable = (kind == cudaMemcpyHostToDevice && !is_pinned(from)) || (kind == cudaMemcpyDeviceToHost && !is_pinned(to));
  if (pageable && breaks_capture(given(stream))) return answer(cudaErrorStreamCaptureUnsupported);
  if (pageable && kind == cudaMemcpyHostToDevice) {
    std::string taken(static_cast<const char *>(from), bytes);
    enqueue(stream, [to, taken = std::move(taken)] { copy(to, taken.data(), taken.size()); });
  } else {
    enqueue(stream, [=] { copy(to, from, bytes); });
  }
  return answer();
}

cudaError_t cudaMemsetAsync(void *to, int value, size_t bytes, cudaStream_t stream) {
  enqueue(stream, [=] {
    std::memset(to, value, bytes);
    mark_written(to, bytes);
  });
  return answer();
}

cudaError_t cudaStreamCreate(cudaStream_t *stream) {
  *stream = new Stream;
  streams.insert(*stream);
  return answer();
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
  return answer();
}
cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned) { return cudaEventCreate(event); }
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete event;
  return answer();
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  if (breaks_capture(given(stream))) return answer(cudaErrorStreamCaptureUnsupported);
  event->stream = &given(stream);
  const uint64_t count = ++event->recorded;
  enqueue(stream, [=] { event->passed = count; });
  return answer();
}
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  if (breaks_capture(given(stream))) return answer(cudaErrorStreamCaptureUnsupported);
  const uint64_t count = event->recorded;
  enqueue(stream, [=] { run_until(*event, count); });
  return answer();
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  run_until(*event, event->recorded);
  return outcome();
}

// ---- Graphs: work that is captured instead of queued. Events in between, which would order other streams, are left out.

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  if (given(stream).captured) return answer(cudaErrorInvalidValue);
  given(stream).captured = new Graph;
  given(stream).capture_failed = false;
  return answer();
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *graph) {
  *graph = std::exchange(given(stream).captured, nullptr);
  if (*graph && !given(stream).capture_failed) return answer();
  delete std::exchange(*graph, nullptr);
  return answer(cudaErrorStreamCaptureInvalidated);
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t *executable, cudaGraph_t graph, unsigned long long) {
  *executable = new Graph(*graph);
  return answer();
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
  if (breaks_capture(given(stream))) return answer(cudaErrorStreamCaptureUnsupported);
  for (const auto &work : executable->work) enqueue(stream, work);
  return answer();
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return answer();
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) { return cudaGraphDestroy(executable); }

cudaError_t cudaGetLastError() { return answer(); }
const char *cudaGetErrorName(cudaError_t status) {
  switch (status) {
    case cudaSuccess:
      return "cudaSuccess";
    case cudaErrorMemoryAllocation:
      return "cudaErrorMemoryAllocation";
    case cudaErrorIllegalAddress:
      return "cudaErrorIllegalAddress";
    case cudaErrorLaunchFailure:
      return "cudaErrorLaunchFailure";
    case cudaErrorStreamCaptureUnsupported:
      return "cudaErrorStreamCaptureUnsupported";
    case cudaErrorStreamCaptureInvalidated:
      return "cudaErrorStreamCaptureInvalidated";
    default:
      return "cudaErrorInvalidValue";
  }
}
const char *cudaGetErrorString(cudaError_t status) { return status == cudaErrorLaunchFailure ? problem.c_str() : cudaGetErrorName(status); }
