// Shared and device memory with a shadow cell per word, which records who touched it last.
#pragma once

#include <cstddef>
#include <cstdint>

#include "testing/emulator/machine.h"
#include "testing/emulator/reports.h"

namespace emulator {

// ---- Time, for the order between threads. Advances at each barrier of a block, at each block and at each launch; never goes back.
struct Clock {
  uint32_t now = 16, block_start = 16, launch_start = 16;
  uint16_t warp_steps[kMaxThreads / kWarp] = {};  // __syncwarp calls since the last barrier
};
extern Clock memory_clock;

// The location of the fibres' stacks, which kernels may use freely.
void set_stacks(const char *begin, size_t bytes);

// ---- Of a block
// Whether the running code has more than empty functions for them.
extern bool has_tensor_cores;

void reset_shared(size_t dynamic_bytes, size_t asked);
uint32_t shared_offset(const void *address, const Place &place);
char *shared_at(uint32_t offset);

// ---- Of the device
constexpr size_t kDeviceBytes = size_t{4} << 30;
void *allocate_device(size_t bytes);  // null if there is no room
bool free_device(void *memory);       // false: it was never allocated
bool is_device(const void *address);
size_t device_bytes();
size_t device_bytes_free();
// A copy from the host: marks memory as written, but by no kernel thread.
void mark_written(void *address, size_t bytes);
// For copies from the device: whether the whole range lies in one allocation.
bool is_allocated(const void *address, size_t bytes);

// ---- Accesses
// start_copy: the destination of an asynchronous copy, which nobody may touch before it is waited for.
enum class Touch { read, write, atomic, start_copy };
void touch(const void *address, size_t bytes, Touch kind, const Place &place, bool aligned = true);
// The copy is complete for the thread that issued it and now waits.
void finish_copy(uint32_t offset, size_t bytes);

}  // namespace emulator
