#include "addon/storage.h"

#include <algorithm>
#include <bit>

#include "cpu/memory.h"

namespace distill {

namespace {

// Sizes are rounded up to eight steps per power of two, so that at most an eighth is wasted and sizes that differ little share blocks.
int64_t size_class(int64_t bytes) {
  const int64_t least = std::max<int64_t>(bytes, 64);
  const int64_t step = std::max<int64_t>(static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(least))) / 8, 64);
  return (least + step - 1) / step * step;
}

}  // namespace

StoragePool::Block StoragePool::allocate(int64_t bytes) {
  const int64_t size = size_class(bytes);
  auto *memory = static_cast<std::byte *>(take(size));
  in_use_ += size;
  peak_ = std::max(peak_, in_use_);
  return Block(memory, [this, size](std::byte *block) { give_back(block, size); });
}

void *StoragePool::take(int64_t bytes) {
  if (auto found = free_.find(bytes); found != free_.end() && !found->second.empty()) {
    void *const memory = found->second.back();
    found->second.pop_back();
    cached_ -= bytes;
    return memory;
  }
  try {
    return device_->allocate(bytes);
  } catch (const OutOfMemory &) {
    trim();
    return device_->allocate(bytes);
  }
}

void StoragePool::give_back(void *memory, int64_t bytes) {
  free_[bytes].push_back(memory);
  in_use_ -= bytes;
  cached_ += bytes;
}

void StoragePool::move_to(Device &device) {
  trim();
  device_ = &device;
}

void StoragePool::trim() {
  for (const auto &[bytes, blocks] : free_)
    for (void *memory : blocks) device_->free(memory, bytes);
  free_.clear();
  cached_ = 0;
}

}  // namespace distill
