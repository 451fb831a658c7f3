// The part of CUDA that kernels see when compiled for the emulator: types, thread indices, barriers, shuffles, atomics and intrinsics.
// Everything that involves other threads is implemented in machine.h.
#pragma once

#include <cmath>
#include <cstring>
#include <functional>
#include <source_location>
#include <tuple>
#include <type_traits>

#include "testing/emulator/machine.h"
#include "testing/emulator/runtime.h"

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __restrict__

#define threadIdx (::emulator::self->thread_index)
#define blockIdx (::emulator::block_index)
#define blockDim (::emulator::block_extent)
#define gridDim (::emulator::grid_extent)

// ---- Launches

namespace emulator {

template <class... P>
struct Call {
  void (*kernel)(P...);
  std::tuple<P...> arguments;
  static void run(const void *call) {
    const Call &self = *static_cast<const Call *>(call);
    std::apply(self.kernel, self.arguments);
  }
};

// Copies the arguments now, as a real launch does; runs when somebody waits for the stream.
template <class... P>
void launch(const char *name, void (*kernel)(P...), dim3 grid, dim3 block, size_t shared_bytes, cudaStream_t stream, P... arguments) {
  static_assert((std::is_trivially_copyable_v<P> && ...) && sizeof(Call<P...>) <= kParameterBytes);
  const Call<P...> call{kernel, {arguments...}};
  const size_t asked = asked_shared(reinterpret_cast<const void *>(kernel));
  enqueue(stream, [=] { run_grid({name, grid, block, shared_bytes, asked, &Call<P...>::run, &call, sizeof(call)}); });
}

// ---- Collectives

struct Shuffle {
  uint64_t in, out;
  int source;  // lane to read
};
void complete_shuffle(void *const *lanes, uint32_t mask);

template <class T>
T shuffle(uint32_t mask, T value, int source, const std::source_location &site) {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8);
  Shuffle shuffle{0, 0, source};
  std::memcpy(&shuffle.in, &value, sizeof(T));
  collective(Collective::shuffle, mask, &shuffle, complete_shuffle, site);
  T result;
  std::memcpy(&result, &shuffle.out, sizeof(T));
  return result;
}

struct Vote {
  bool in;
  uint32_t out;
};
void complete_vote(void *const *lanes, uint32_t mask);

inline uint32_t vote(uint32_t mask, bool value, const std::source_location &site) {
  Vote vote{value, 0};
  collective(Collective::vote, mask, &vote, complete_vote, site);
  return vote.out;
}

}  // namespace emulator

#define EMULATED_SITE std::source_location site = std::source_location::current()

inline void __syncthreads(EMULATED_SITE) { emulator::block_barrier(emulator::Barrier::plain, false, site); }
inline int __syncthreads_count(int predicate, EMULATED_SITE) { return emulator::block_barrier(emulator::Barrier::count, predicate, site); }
inline int __syncthreads_or(int predicate, EMULATED_SITE) { return emulator::block_barrier(emulator::Barrier::any, predicate, site); }
inline void __syncwarp(unsigned mask = ~0u, EMULATED_SITE) {
  emulator::collective(emulator::Collective::sync, mask, nullptr, nullptr, site);
}

template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32, EMULATED_SITE) {
  const int lane = static_cast<int>(emulator::self->lane);
  return emulator::shuffle(mask, value, (lane & ~(width - 1)) | (source & (width - 1)), site);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int distance, int width = 32, EMULATED_SITE) {
  const int lane = static_cast<int>(emulator::self->lane), source = lane ^ distance;
  return emulator::shuffle(mask, value, (source & ~(width - 1)) > (lane & ~(width - 1)) ? lane : source, site);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, int distance, int width = 32, EMULATED_SITE) {
  const int lane = static_cast<int>(emulator::self->lane);
  return emulator::shuffle(mask, value, (lane & (width - 1)) + distance >= width ? lane : lane + distance, site);
}
inline unsigned __ballot_sync(unsigned mask, int predicate, EMULATED_SITE) { return emulator::vote(mask, predicate, site); }
inline int __any_sync(unsigned mask, int predicate, EMULATED_SITE) { return emulator::vote(mask, predicate, site) != 0; }

// Out of line and not instrumented, so that the access is reported once, as atomic.
#define EMULATED_ATOMIC __attribute__((no_sanitize("thread"), noinline))
template <class T>
EMULATED_ATOMIC T atomicAdd(T *address, std::common_type_t<T> value, EMULATED_SITE) {
  emulator::access(address, sizeof(T), emulator::Access::atomic, site);
  const T old = *address;
  *address = old + value;
  return old;
}

// ---- Arithmetic

inline float __expf(float x) { return expf(x); }
inline float __logf(float x) { return logf(x); }
inline float __fdividef(float a, float b) { return a / b; }
inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
inline float __uint_as_float(unsigned bits) {
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}
inline unsigned __float_as_uint(float value) {
  unsigned bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}
inline long long __double_as_longlong(double value) {
  long long bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}
inline double __longlong_as_double(long long bits) {
  double value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}
inline unsigned __umulhi(unsigned a, unsigned b) { return static_cast<unsigned>(uint64_t{a} * b >> 32); }
inline int min(int a, int b) { return a < b ? a : b; }
inline int max(int a, int b) { return a > b ? a : b; }
inline unsigned min(unsigned a, unsigned b) { return a < b ? a : b; }
inline unsigned max(unsigned a, unsigned b) { return a > b ? a : b; }
inline int64_t min(int64_t a, int64_t b) { return a < b ? a : b; }
inline int64_t max(int64_t a, int64_t b) { return a > b ? a : b; }
