// Where tensors live and ops run: the processor, or a GPU behind the CUDA library. An environment has one at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "ops.h"

namespace distill {

class Device {
 public:
  virtual ~Device() = default;

  virtual const char *name() const = 0;
  // On pointers into this device's memory; after each call to one, `check` tells whether it worked.
  virtual const Ops &ops() const = 0;
  virtual void check() = 0;

  // At least 64-byte aligned, content undefined. Throws OutOfMemory.
  virtual void *allocate(int64_t bytes) = 0;
  virtual void free(void *memory, int64_t bytes) = 0;  // as many bytes as were asked for
  virtual int64_t memory_bytes() const = 0;

  // All of these are ordered with the ops. `read` returns when the content is there.
  virtual void write(void *to, const void *from_host, int64_t bytes) = 0;
  virtual void read(void *to_host, const void *from, int64_t bytes) = 0;
  virtual void copy(void *to, const void *from, int64_t bytes) = 0;
  // Words of 4 bytes, and the pattern's first bytes at the end.
  virtual void fill(void *to, uint32_t pattern, int64_t bytes) = 0;
};

Device &cpu_device();

// Content of the device where the host can read it: the memory itself on the processor, else a copy.
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

// ---- The CUDA library. All throw CudaUnavailable with the reason if it cannot be used here.

// No library, no driver, one too old, no GPU, one too old.
struct CudaUnavailable : std::runtime_error {
  using std::runtime_error::runtime_error;
};
// Something went wrong on the GPU; names the CUDA error, the kernel and its file and line.
struct CudaError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct CudaGpu {
  std::string name;
  int64_t memory_bytes, free_bytes;
  int capability_major, capability_minor;
};
struct CudaInventory {
  int driver_version, runtime_version;  // 1000 major + 10 minor
  std::vector<CudaGpu> gpus;
};
CudaInventory cuda_inventory(const std::string &library);

Device &cuda_device(const std::string &library, int gpu);

}  // namespace distill
