// One multiprocessor: blocks run one after another, each thread of a block as a fibre. A thread runs until it waits for others. The order
// determines which runs next, so that results that depend on it are exposed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <source_location>

#include "testing/emulator/runtime.h"

namespace emulator {

constexpr unsigned kMaxThreads = 1024, kWarp = 32;
constexpr size_t kParameterBytes = 4096;  // limit for a kernel, up to CUDA 12.0
// Shared memory of a block: the default limit, and that of the device with the most, sm_80.
constexpr size_t kSharedUnasked = 48 << 10, kSharedBytes = 163 << 10;
// On the emulated device.
size_t most_shared();
// The device that the code was compiled for, 10 major + minor.
int compiled_for();

// What a kernel can read about its own thread.
struct Thread {
  uint3 thread_index;
  unsigned lane, warp, linear;
};
extern Thread *self;  // null outside of kernels
extern uint3 block_index;
extern dim3 block_extent, grid_extent;

struct Launch {
  const char *name;
  dim3 grid, block;
  size_t shared_bytes, shared_asked;  // dynamic; as much of it as was asked for with cudaFuncSetAttribute
  void (*run)(const void *call);
  const void *call;
  size_t call_bytes;
};
void run_grid(const Launch &launch);

// ascending, descending: by thread and block; from 2 on: shuffled with that seed.
void set_order(unsigned order);

// ---- Waiting for others

enum class Barrier { plain, count, any };
int block_barrier(Barrier kind, bool predicate, const std::source_location &site);

enum class Collective { sync, shuffle, vote, load_matrix, multiply };
// The last lane of the mask to arrive completes the operation for all: lanes[i] is lane i's payload.
using Complete = void (*)(void *const *lanes, uint32_t mask);
void collective(Collective kind, uint32_t mask, void *own, Complete complete, const std::source_location &site);

Thread *thread_of(unsigned linear);

// ---- Copies and matrices (tensor_cores.cpp)

uint32_t shared_address(const void *memory, const std::source_location &site);
void copy_async(uint32_t to, const void *from, int room, int bytes, const std::source_location &site);
void copy_async_commit();
void copy_async_wait(int keep);
// At the end of a thread.
void expect_no_copies();
void load_matrices(uint32_t (&to)[4], uint32_t row, bool transposed, const std::source_location &site);
void multiply_matrices(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], const std::source_location &site);

// ---- Memory, as kernels use it (memory.cpp)

void *shared_array(const void *key, size_t bytes, size_t alignment);
void *dynamic_shared();

enum class Access { read, write, atomic };
void access(const void *address, size_t bytes, Access kind, const std::source_location &site);
void check_alignment(const void *address, size_t bytes, const std::source_location &site);

}  // namespace emulator
