// Where tensors live and ops run: the processor, or a GPU behind the CUDA library. An environment uses one device at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ops.h"

namespace distill {

// A copy to the host that is queued now and waited for later.
class PendingRead {
 public:
  virtual ~PendingRead() = default;
  // Waits for the copy. Must be called at most once.
  virtual void take(void *to_host) = 0;
};

// Recorded work that can be queued again as a whole. Destroying it does not affect what is already queued.
class Recording {
 public:
  virtual ~Recording() = default;
  virtual void replay() = 0;
};

class Device {
 public:
  virtual ~Device() = default;

  virtual const char *name() const = 0;
  // Ops take pointers into this device's memory. After each call, `check` throws if it failed.
  virtual const Ops &ops() const = 0;
  virtual void check() = 0;

  // At least 64-byte aligned, content undefined. Throws OutOfMemory.
  virtual void *allocate(int64_t bytes) = 0;
  virtual void free(void *memory, int64_t bytes) = 0;  // with the bytes that were allocated
  // Sets what the device calls before it runs out of memory, to release what is kept for reuse.
  virtual void when_full(void (*relieve)(void *owner), void *owner) = 0;
  virtual int64_t memory_bytes() const = 0;

  // All of these are ordered with the ops. `read` returns once the content has arrived.
  virtual void write(void *to, const void *from_host, int64_t bytes) = 0;
  virtual void read(void *to_host, const void *from, int64_t bytes) = 0;
  virtual std::unique_ptr<PendingRead> read_later(const void *from, int64_t bytes) = 0;
  virtual void copy(void *to, const void *from, int64_t bytes) = 0;
  // In words of 4 bytes; the end gets the first bytes of the pattern.
  virtual void fill(void *to, uint32_t pattern, int64_t bytes) = 0;

  // Whether work can be recorded instead of run. Between begin and end, no content is read or written and no memory is freed.
  virtual bool can_record() const = 0;
  virtual void begin_recording() = 0;
  // Throws if something in between could not be recorded.
  virtual std::unique_ptr<Recording> end_recording() = 0;
};

Device &cpu_device();

// Content of the device where the host can read it: the memory itself on the processor, otherwise a copy.
class HostCopy {
 public:
  HostCopy(Device &device, const void *memory, int64_t bytes) : data_(memory) {
    if (&device == &cpu_device()) return;
    copy_.resize(static_cast<size_t>(bytes));
    device.read(copy_.data(), memory, bytes);
    data_ = copy_.data();
  }
  const void *data() const { return data_; }

 private:
  const void *data_;
  std::vector<uint8_t> copy_;
};

// Throws CudaUnavailable with the reason if the CUDA library cannot be used here.
Device &cuda_device(const std::string &library, int gpu);

}  // namespace distill
