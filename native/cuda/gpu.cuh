// The header of every .cu file, for nvcc and for the emulator's g++. Launches, inline PTX and __CUDA_ARCH__ appear only here.
//
// Rules that keep a kernel checkable in the emulator (native/testing/emulator/README.md): block sizes are multiples of 32; no thread leaves
// before a barrier; each barrier and each shuffle is on a line of its own; 16-byte accesses go through load4 and store4; shared arrays
// are declared with SHARED or DYNAMIC_SHARED; no function-static data, no memcpy, no printf on the device.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#if defined(DISTILL_EMULATOR)
#include "testing/emulator/device.h"
// Call sites, for reports.
#define GPU_SITE , std::source_location site = std::source_location::current()
#define GPU_UNROLL
#define SHARED(Type, extents, name) \
  static const char name##_key = 0; \
  using name##_type = Type extents; \
  auto &name = *reinterpret_cast<name##_type *>(::emulator::shared_array(&name##_key, sizeof(name##_type), 16))
#define DYNAMIC_SHARED(name) unsigned char *name = static_cast<unsigned char *>(::emulator::dynamic_shared())
#else
#include <cuda_runtime.h>
#define GPU_SITE
#define GPU_UNROLL _Pragma("unroll")
#define SHARED(Type, extents, name) __shared__ __align__(16) Type name extents
#define DYNAMIC_SHARED(name) extern __shared__ __align__(16) unsigned char name[]
#endif

namespace distill::gpu {

// ---- Launches

struct LaunchSite {
  const char *kernel, *file;
  int line;
};

// Throws CudaError if status is an error.
void check(cudaError_t status, const LaunchSite &site);
#define GPU_CHECK(call) ::distill::gpu::check(call, {#call, __FILE__, __LINE__})

// The stream of all work, which belongs to library.cu.
cudaStream_t stream();

#if defined(DISTILL_EMULATOR) || defined(__CUDACC__)
template <class... P, class... A>
void launch(const LaunchSite &site, void (*kernel)(P...), dim3 grid, dim3 block, size_t shared_bytes, A &&...arguments) {
  // A block has 48 KiB including static arrays; more must be requested. No kernel with dynamic memory has 16 KiB of static arrays.
  if (shared_bytes > (32 << 10))
    check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(shared_bytes)), site);
#if defined(DISTILL_EMULATOR)
  ::emulator::launch(site.kernel, kernel, grid, block, shared_bytes, stream(), static_cast<P>(std::forward<A>(arguments))...);
#else
  // clang-format off
  kernel<<<grid, block, shared_bytes, stream()>>>(static_cast<P>(std::forward<A>(arguments))...);
  // clang-format on
#endif
  check(cudaGetLastError(), site);
}
#endif
// GPU_LAUNCH(kernel, grid, block, shared bytes, arguments...); a kernel whose name has a comma goes in parentheses.
#define GPU_LAUNCH(kernel, ...) ::distill::gpu::launch({#kernel, __FILE__, __LINE__}, kernel, __VA_ARGS__)

// For the device in use.
inline int device_attribute(cudaDeviceAttr attribute) {
  int device = 0, value = 0;
  GPU_CHECK(cudaGetDevice(&device));
  GPU_CHECK(cudaDeviceGetAttribute(&value, attribute, device));
  return value;
}

inline unsigned blocks_for(int64_t work, int64_t per_block) { return static_cast<unsigned>((work + per_block - 1) / per_block); }

// ---- Memory: 16 bytes at once, from 16-byte aligned addresses

__device__ inline float4 load4(const float *from GPU_SITE) {
#if defined(DISTILL_EMULATOR)
  ::emulator::check_alignment(from, 16, site);
#endif
  return *reinterpret_cast<const float4 *>(from);
}
__device__ inline void store4(float *to, float4 value GPU_SITE) {
#if defined(DISTILL_EMULATOR)
  ::emulator::check_alignment(to, 16, site);
#endif
  *reinterpret_cast<float4 *>(to) = value;
}

// ---- Warps

__device__ inline float warp_sum(float value) {
  GPU_UNROLL
  for (int distance = 16; distance; distance >>= 1) value += __shfl_xor_sync(~0u, value, distance);
  return value;
}
__device__ inline float warp_max(float value) {
  GPU_UNROLL
  for (int distance = 16; distance; distance >>= 1) value = fmaxf(value, __shfl_xor_sync(~0u, value, distance));
  return value;
}

}  // namespace distill::gpu
