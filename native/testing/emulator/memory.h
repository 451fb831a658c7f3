// Shared and device memory with a shadow cell per word, which remembers who touched it last.
#pragma once

#include <cstddef>
#include <cstdint>

#include "testing/emulator/machine.h"
#include "testing/emulator/reports.h"

namespace emulator {

// ---- Time, as far as order between threads goes. Grows at each barrier of a block, at each block and at each launch, never back.
struct Clock {
  uint32_t now = 16, block_start = 16, launch_start = 16;
  uint16_t warp_steps[kMaxThreads / kWarp] = {};  // __syncwarp calls since the last barrier
};
extern Clock memory_clock;

// Where a fibre's stacks are, which kernels may use as they like.
void set_stacks(const char *begin, size_t bytes);

// ---- Of a block
// Whether the code that runs has more than empty functions in their place.
extern bool has_tensor_cores;

void reset_shared(size_t dynamic_bytes, size_t asked);
uint32_t shared_offset(const void *address, const Place &place);
char *shared_at(uint32_t offset);

// ---- Of the device
constexpr size_t kDeviceBytes = size_t{4} << 30;
void *allocate_device(size_t bytes);  // null if there is no room
bool free_device(void *memory);       // false: it was never given out
bool is_device(const void *address);
size_t device_bytes();
size_t device_bytes_free();
// A copy from the host: written, by nobody in a kernel.
void mark_written(void *address, size_t bytes);
// For copies from the device: whether all of it lies in one allocation.
bool is_allocated(const void *address, size_t bytes);

// ---- Accesses
// start_copy: the destination of an asynchronous copy, which nobody may touch until it is waited for.
enum class Touch { read, write, atomic, start_copy };
void touch(const void *address, size_t bytes, Touch kind, const Place &place, bool aligned = true);
// The copy into it has arrived, for the thread that issued it and now waits.
void finish_copy(uint32_t offset, size_t bytes);

}  // namespace emulator
