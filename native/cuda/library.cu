// The library's one symbol: the device, its memory and stream, and the table of ops. Here exceptions end and become a CudaFailure.
#include <cstdio>
#include <cstring>
#include <exception>
#include <new>
#include <string>

#include "cuda/errors.h"
#include "cuda/gpu.cuh"
#include "cuda/launchers.h"
#include "cuda/library.h"
#include "cuda/workspace.h"

namespace distill {

namespace gpu {

namespace {
cudaStream_t work_stream;

struct Workspace {
  void *memory = nullptr;
  int64_t bytes = 0;
} kept;
}  // namespace

cudaStream_t stream() { return work_stream; }

void check(cudaError_t status, const LaunchSite &site) {
  if (status == cudaSuccess) return;
  const char *slash = std::strrchr(site.file, '/');
  throw CudaError(std::string(cudaGetErrorName(status)) + ": " + cudaGetErrorString(status) + " (" + site.kernel + ", " +
                  (slash ? slash + 1 : site.file) + ":" + std::to_string(site.line) + ")");
}

static void *allocate(int64_t bytes) {
  void *memory = nullptr;
  const cudaError_t status = cudaMalloc(&memory, static_cast<size_t>(bytes));
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();  // so that the next launch does not see it
    size_t free = 0, total = 0;
    GPU_CHECK(cudaMemGetInfo(&free, &total));
    throw CudaOutOfMemory(bytes, static_cast<int64_t>(free));
  }
  GPU_CHECK(status);
  return memory;
}

void *workspace(int64_t bytes) {
  if (bytes > kept.bytes) {
    // cudaFree waits for the work that still uses the old one.
    if (kept.memory) GPU_CHECK(cudaFree(kept.memory));
    kept = {};
    kept.memory = allocate(bytes);
    kept.bytes = bytes;
  }
  return kept.memory;
}

void upload(void *to, const void *from_host, int64_t bytes) {
  GPU_CHECK(cudaMemcpyAsync(to, from_host, static_cast<size_t>(bytes), cudaMemcpyHostToDevice, work_stream));
}

}  // namespace gpu

namespace {

// ---- Failures: the first one is kept until somebody asks

CudaFailure failure;

void fail(CudaFailure::Kind kind, const char *message, int64_t asked = 0, int64_t free = 0) {
  if (failure.kind != CudaFailure::none) return;
  failure = {kind, {}, asked, free};
  std::snprintf(failure.message, sizeof(failure.message), "%s", message);
}

template <class Body>
auto guarded(const Body &body) -> decltype(body()) {
  try {
    return body();
  } catch (const CudaOutOfMemory &error) {
    fail(CudaFailure::out_of_memory, error.what(), error.asked, error.free);
  } catch (const CudaUnavailable &error) {
    fail(CudaFailure::unavailable, error.what());
  } catch (const std::exception &error) {
    fail(CudaFailure::error, error.what());
  }
  return decltype(body())();
}

CudaFailure take_failure() {
  const CudaFailure taken = failure;
  failure = {};
  return taken;
}

template <auto launcher, class Arguments>
void guarded_op(const Arguments &arguments) {
  guarded([&] { launcher(arguments); });
}

// ---- The device

int version_of(cudaError_t (*get)(int *)) {
  int version = 0;
  return get(&version) == cudaSuccess ? version : 0;
}

int device_count() {
  return guarded([] {
    int count = 0;
    const cudaError_t status = cudaGetDeviceCount(&count);
    if (status == cudaErrorInsufficientDriver) throw CudaUnavailable("there is no NVIDIA driver that this library can use");
    if (status == cudaErrorNoDevice) return 0;
    GPU_CHECK(status);
    return count;
  });
}

CudaDeviceDescription describe(int device) {
  return guarded([&] {
    CudaDeviceDescription description{};
    cudaDeviceProp properties;
    GPU_CHECK(cudaGetDeviceProperties(&properties, device));
    GPU_CHECK(cudaSetDevice(device));
    size_t free = 0, total = 0;
    GPU_CHECK(cudaMemGetInfo(&free, &total));
    std::snprintf(description.name, sizeof(description.name), "%s", properties.name);
    description.memory_bytes = static_cast<int64_t>(total);
    description.free_bytes = static_cast<int64_t>(free);
    description.capability_major = properties.major;
    description.capability_minor = properties.minor;
    description.multiprocessors = properties.multiProcessorCount;
    return description;
  });
}

void open(int device) {
  guarded([&] {
    GPU_CHECK(cudaSetDevice(device));
    if (!gpu::work_stream) GPU_CHECK(cudaStreamCreate(&gpu::work_stream));
  });
}

// ---- Memory

void *allocate(int64_t bytes) {
  return guarded([&] { return gpu::allocate(bytes); });
}
void free_memory(void *memory) {
  guarded([&] { GPU_CHECK(cudaFree(memory)); });
}
void write(void *to, const void *from_host, int64_t bytes) {
  guarded([&] { gpu::upload(to, from_host, bytes); });
}
void read(void *to_host, const void *from, int64_t bytes) {
  guarded([&] {
    GPU_CHECK(cudaMemcpyAsync(to_host, from, static_cast<size_t>(bytes), cudaMemcpyDeviceToHost, gpu::work_stream));
    GPU_CHECK(cudaStreamSynchronize(gpu::work_stream));
  });
}
void copy(void *to, const void *from, int64_t bytes) {
  guarded([&] { GPU_CHECK(cudaMemcpyAsync(to, from, static_cast<size_t>(bytes), cudaMemcpyDeviceToDevice, gpu::work_stream)); });
}
void synchronize() {
  guarded([] { GPU_CHECK(cudaStreamSynchronize(gpu::work_stream)); });
}

constexpr Ops kOps = {
#define DISTILL_TAKE(name, Arguments) guarded_op<&cuda::name, Arguments>,
    DISTILL_OPS(DISTILL_TAKE)
#undef DISTILL_TAKE
};

constexpr CudaLibrary kLibrary = {
    kCudaLibraryVersion,
    take_failure,
    device_count,
    [] { return version_of(cudaDriverGetVersion); },
    [] { return version_of(cudaRuntimeGetVersion); },
    describe,
    open,
    allocate,
    free_memory,
    write,
    read,
    copy,
    [](void *to, uint32_t pattern, int64_t bytes) { guarded([&] { cuda::fill(to, pattern, bytes); }); },
    synchronize,
    &kOps,
};

}  // namespace

extern "C" __attribute__((visibility("default"))) const CudaLibrary *distill_cuda_library() { return &kLibrary; }

}  // namespace distill
