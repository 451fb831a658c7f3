#include "addon/storage.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "cpu/memory.h"

namespace distill {

namespace {

// Rounds sizes up to eight steps per power of two, so that at most an eighth is wasted and similar sizes share blocks.
int64_t size_class(int64_t bytes) {
  const int64_t least = std::max<int64_t>(bytes, 64);
  const int64_t step = std::max<int64_t>(static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(least))) / 8, 64);
  return (least + step - 1) / step * step;
}

void *taken_from(std::map<int64_t, std::vector<void *>> &free, int64_t bytes) {
  const auto found = free.find(bytes);
  if (found == free.end() || found->second.empty()) return nullptr;
  void *const memory = found->second.back();
  found->second.pop_back();
  return memory;
}

}  // namespace

StoragePool::Block StoragePool::allocate(int64_t bytes) {
  const int64_t size = size_class(bytes);
  void *memory = aside_ ? taken_from(aside_->free, size) : nullptr;
  if (!memory) {
    memory = take(size);
    in_use_ += size;
    peak_ = std::max(peak_, in_use_);
    if (aside_) aside_->all.insert(memory);
  }
  const auto release = [this, size, aside = aside_](std::byte *block) {
    if (aside && aside->open)
      aside->free[size].push_back(block);
    else
      give_back(block, size);
  };
  return Block(static_cast<std::byte *>(memory), release);
}

void *StoragePool::take(int64_t bytes) {
  if (void *memory = taken_from(free_, bytes)) {
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

void StoragePool::begin_setting_aside() { aside_ = std::make_shared<Aside>(); }

std::unique_ptr<StoragePool::SetAside> StoragePool::end_setting_aside() {
  return std::make_unique<SetAside>(*this, std::exchange(aside_, nullptr));
}

StoragePool::SetAside::~SetAside() {
  memory_->open = false;
  for (const auto &[bytes, blocks] : memory_->free)
    for (void *memory : blocks) pool_.give_back(memory, bytes);
}

void StoragePool::move_to(Device &device) {
  trim();
  device_->when_full(nullptr, nullptr);
  device_ = &device;
  device_->when_full([](void *pool) { static_cast<StoragePool *>(pool)->trim(); }, this);
}

void StoragePool::trim() {
  for (const auto &[bytes, blocks] : free_)
    for (void *memory : blocks) device_->free(memory, bytes);
  free_.clear();
  cached_ = 0;
}

}  // namespace distill
