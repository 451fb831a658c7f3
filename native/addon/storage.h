// Memory of tensors, kept for reuse by size: a training step requests the same sizes each time and never has to ask the system.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "addon/device.h"

namespace distill {

// The pool of one device. There is one per JavaScript environment, used only by its thread. It must outlive its blocks.
class StoragePool {
 public:
  using Block = std::shared_ptr<std::byte>;

  explicit StoragePool(Device &device) : device_(&device) {}
  StoragePool(const StoragePool &) = delete;
  ~StoragePool() { move_to(cpu_device()); }

  // 64-byte aligned, content undefined. Returns to the pool with its last owner. Throws OutOfMemory.
  Block allocate(int64_t bytes);

  void trim();

  // Memory allocated between begin and end is set aside: nobody else gets it until the result of `end` is destroyed, even if it is released
  // earlier. Recorded work can thus reuse the same addresses. The memory counts as in use.
  class SetAside;
  void begin_setting_aside();
  std::unique_ptr<SetAside> end_setting_aside();
  bool is_setting_aside() const { return aside_ != nullptr; }
  // Whether memory was allocated since begin.
  bool is_set_aside(const void *memory) const { return aside_ && aside_->all.count(memory) > 0; }

  // Moves to another device. Nothing may be in use.
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
    std::set<const void *> all;
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
