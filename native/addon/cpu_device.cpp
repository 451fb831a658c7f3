#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "addon/device.h"
#include "cpu/memory.h"
#include "cpu/select.h"

namespace distill {

namespace {

class HeldContent : public PendingRead {
 public:
  HeldContent(const void *from, int64_t bytes) : content_(static_cast<const uint8_t *>(from), static_cast<const uint8_t *>(from) + bytes) {}
  void take(void *to) override { std::copy(content_.begin(), content_.end(), static_cast<uint8_t *>(to)); }

 private:
  std::vector<uint8_t> content_;
};

class CpuDevice : public Device {
 public:
  const char *name() const override { return "cpu"; }
  const Ops &ops() const override { return cpu_ops(); }
  void check() override {}

  void *allocate(int64_t bytes) override { return allocate_aligned(bytes); }
  void free(void *memory, int64_t bytes) override { free_aligned(memory, bytes); }
  void when_full(void (*)(void *), void *) override {}
  int64_t memory_bytes() const override { return physical_memory(); }

  void write(void *to, const void *from, int64_t bytes) override { std::memcpy(to, from, static_cast<size_t>(bytes)); }
  void read(void *to, const void *from, int64_t bytes) override { std::memcpy(to, from, static_cast<size_t>(bytes)); }
  std::unique_ptr<PendingRead> read_later(const void *from, int64_t bytes) override { return std::make_unique<HeldContent>(from, bytes); }
  void copy(void *to, const void *from, int64_t bytes) override { std::memmove(to, from, static_cast<size_t>(bytes)); }
  void fill(void *to, uint32_t pattern, int64_t bytes) override {
    std::fill_n(static_cast<uint32_t *>(to), bytes / 4, pattern);
    std::memcpy(static_cast<uint8_t *>(to) + bytes / 4 * 4, &pattern, static_cast<size_t>(bytes % 4));
  }

  // There is nothing to gain: ops start without delay.
  bool can_record() const override { return false; }
  void begin_recording() override { throw std::logic_error("the processor does not record"); }
  std::unique_ptr<Recording> end_recording() override { throw std::logic_error("the processor does not record"); }
};

}  // namespace

Device &cpu_device() {
  static CpuDevice device;
  return device;
}

}  // namespace distill
