// The library's only symbol: the device, its stream, and the tables of functions and ops. Exceptions end here and become a CudaFailure.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>
#include <string>
#include <utility>

#include "cuda/errors.h"
#include "cuda/gpu.cuh"
#include "cuda/launchers.h"
#include "cuda/library.h"
#include "cuda/memory.h"
#include "cuda/tensor_cores.cuh"

namespace distill {

namespace gpu {

static cudaStream_t work_stream;

cudaStream_t stream() { return work_stream; }

__global__ void nothing() {}

// Architecture of the code that this device runs, as 10 major + minor: in a fat library the nearest that is not newer, or the driver's
// translation of PTX.
static int compiled_for() {
  cudaFuncAttributes attributes{};
  GPU_CHECK(cudaFuncGetAttributes(&attributes, nothing));
  return attributes.ptxVersion;
}

bool on_tensor_cores(Storage storage) {
  return storage == Storage::bf16 && device_attribute(cudaDevAttrComputeCapabilityMajor) >= 8 && compiled_for() >= 80;
}

// After some errors nothing works any more in this process. There is no documented list of them, but every later call then fails.
static bool is_lost() {
  cudaGetLastError();
  size_t free = 0, total = 0;
  return cudaMemGetInfo(&free, &total) != cudaSuccess;
}

// A kernel's error is reported by whichever call checks next, unless each launch waits for its kernel.
static const char *which_call() {
  if (std::getenv("CUDA_LAUNCH_BLOCKING")) return "";
  return "; this call noticed it, and an earlier one may be the cause: with CUDA_LAUNCH_BLOCKING=1 in the environment the cause is named";
}

void check(cudaError_t status, const LaunchSite &site) {
  if (status == cudaSuccess) return;
  if (status == cudaErrorMemoryAllocation) throw_out_of_memory(0);
  const char *slash = std::strrchr(site.file, '/');
  const std::string text = std::string(cudaGetErrorName(status)) + ": " + cudaGetErrorString(status) + " (" + site.kernel + ", " +
                           (slash ? slash + 1 : site.file) + ":" + std::to_string(site.line) + ")";
  if (is_lost()) throw CudaDeviceLost(text + which_call());
  throw CudaError(text);
}

}  // namespace gpu

namespace {

// ---- Failures: the first one is kept until somebody asks for it

CudaFailure failure;
bool has_failed;

void fail(CudaFailure::Kind kind, const char *message, int64_t asked = 0, int64_t free = 0) {
  if (has_failed) return;
  has_failed = true;
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
  } catch (const CudaDeviceLost &error) {
    fail(CudaFailure::lost, error.what());
  } catch (const std::exception &error) {
    fail(CudaFailure::error, error.what());
  }
  return decltype(body())();
}

const CudaFailure *take_failure() { return std::exchange(has_failed, false) ? &failure : nullptr; }

// A function in the form that the tables hold.
template <auto function>
struct Guarded;
template <class Result, class... P, Result (*function)(P...)>
struct Guarded<function> {
  static Result call(P... arguments) {
    return guarded([&] { return function(arguments...); });
  }
};

// ---- The device

int version_of(cudaError_t (*get)(int *)) {
  int version = 0;
  return get(&version) == cudaSuccess ? version : 0;
}

int driver_version() { return version_of(cudaDriverGetVersion); }
int runtime_version() { return version_of(cudaRuntimeGetVersion); }

// 13000 -> "13.0"
std::string version_text(int version) { return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10); }

std::string why_no_driver() {
  if (driver_version() == 0) return "there is no NVIDIA driver";
  return "the NVIDIA driver is too old: it knows CUDA " + version_text(driver_version()) + ", and " + version_text(runtime_version()) +
         " or newer is needed; update the driver";
}

int device_count() {
  return guarded([] {
    int count = 0;
    const cudaError_t status = cudaGetDeviceCount(&count);
    if (status == cudaErrorInsufficientDriver) throw CudaUnavailable(why_no_driver());
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

// ---- Memory and recordings: the functions of memory.h, guarded

void copy(void *to, const void *from, int64_t bytes) {
  guarded([&] { GPU_CHECK(cudaMemcpyAsync(to, from, static_cast<size_t>(bytes), cudaMemcpyDeviceToDevice, gpu::work_stream)); });
}
void synchronize() {
  guarded([] { GPU_CHECK(cudaStreamSynchronize(gpu::work_stream)); });
}

constexpr Ops kOps = {
#define DISTILL_TAKE(name, Arguments) Guarded<&cuda::name>::call,
    DISTILL_OPS(DISTILL_TAKE)
#undef DISTILL_TAKE
};

constexpr CudaLibrary kLibrary = {
    kCudaLibraryVersion,
    take_failure,
    device_count,
    driver_version,
    runtime_version,
    describe,
    open,
    gpu::when_full,
    Guarded<gpu::allocate>::call,
    Guarded<gpu::free>::call,
    Guarded<gpu::upload>::call,
    Guarded<gpu::download>::call,
    copy,
    Guarded<cuda::fill>::call,
    Guarded<gpu::download_later>::call,
    Guarded<gpu::finish>::call,
    synchronize,
    Guarded<gpu::begin_recording>::call,
    Guarded<gpu::end_recording>::call,
    Guarded<gpu::replay>::call,
    Guarded<gpu::forget>::call,
    &kOps,
};

}  // namespace

extern "C" __attribute__((visibility("default"))) const CudaLibrary *distill_cuda_library() { return &kLibrary; }

}  // namespace distill
