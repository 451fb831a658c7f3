// Memory of tensors: kept for reuse by size, so that a training step, which asks for the same sizes each time, never goes to the system.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "addon/device.h"

namespace distill {

// Of one device. One per JavaScript environment, used by its thread only. Must outlive its blocks.
class StoragePool {
 public:
  using Block = std::shared_ptr<std::byte>;

  explicit StoragePool(Device &device) : device_(&device) {}
  StoragePool(const StoragePool &) = delete;
  ~StoragePool() { move_to(cpu_device()); }

  // 64-byte aligned, content undefined; returns to the pool with its last owner. Throws OutOfMemory.
  Block allocate(int64_t bytes);

  void trim();

  // Between begin and end memory is set aside: nobody else is given it until what `end` returns is destroyed, whatever of it is released
  // meanwhile. Recorded work can then use the same addresses again and again. It counts as in use.
  class SetAside;
  void begin_setting_aside();
  std::unique_ptr<SetAside> end_setting_aside();
  bool is_setting_aside() const { return aside_ != nullptr; }

  // To another device. Nothing may be in use.
  void move_to(Device &device);
  void reset_peak() { peak_ = in_use_; }

  Device &device() const { return *device_; }
  int64_t in_use() const { return in_use_; }
  int64_t cached() const { return cached_; }
  int64_t peak() const { return peak_; }

 private:
  using Free = std::map<int64_t, std::vector<void *>>;
  struct Aside {
    Free free;
    bool open = true;  // false: blocks return to the pool
  };

  void *take(int64_t bytes);
  void give_back(void *memory, int64_t bytes);

  Device *device_;
  Free free_;
  std::shared_ptr<Aside> aside_;  // null outside of begin and end
  int64_t in_use_ = 0, cached_ = 0, peak_ = 0;
};

class StoragePool::SetAside {
 public:
  SetAside(StoragePool &pool, std::shared_ptr<Aside> memory) : pool_(pool), memory_(std::move(memory)) {}
  SetAside(const SetAside &) = delete;
  ~SetAside();

 private:
  StoragePool &pool_;
  std::shared_ptr<Aside> memory_;
};

}  // namespace distill
