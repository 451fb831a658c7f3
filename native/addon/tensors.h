// Tensors by handle. A handle is a number that is never reused, so the use of a released one is always detected.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "addon/storage.h"

namespace distill {

enum class DType { f32, i32, u8, bf16 };

const char *dtype_name(DType dtype);
int64_t dtype_bytes(DType dtype);

constexpr int64_t kMaxRank = 6;

// The smallest and the largest element.
struct Range {
  int64_t low, high;
  bool once_replayed = false;  // of content that is there only once the recording that writes it has been replayed

  bool within(int64_t count) const { return low >= 0 && high < count; }
};
// Of an i32 tensor's content; nothing if it is not known. Views share it.
using SharedRange = std::shared_ptr<std::optional<Range>>;

struct Tensor {
  DType dtype;
  std::vector<int64_t> shape;
  int64_t size;  // number of elements
  StoragePool::Block block;
  SharedRange range;  // null unless i32

  int64_t bytes() const { return size * dtype_bytes(dtype); }
  template <class T>
  T *data() const {
    return reinterpret_cast<T *>(block.get());
  }
  std::string describe() const;  // "f32 [16,4,3,3]"
};

Range range_of(const int32_t *values, int64_t size);

std::string describe_shape(std::span<const int64_t> shape);

// What recorded work expects of the content of i32 tensors and what it makes of it, in its order: whoever replays it may have changed that
// content meanwhile.
class RecordedRanges {
 public:
  // `what` names the tensor in the error.
  void expects(const SharedRange &range, int64_t count, std::string what) {
    steps_.push_back({range, nullptr, {}, count, std::move(what)});
  }
  void sets(const SharedRange &range, std::optional<Range> to) { steps_.push_back({range, nullptr, to, 0, ""}); }
  void copies(const SharedRange &range, const SharedRange &from) { steps_.push_back({range, from, {}, 0, ""}); }

  // Must be called before the work is replayed. Throws WrongRange if content is not as expected.
  void replay() const;

 private:
  struct Step {
    SharedRange range, from;
    std::optional<Range> to;
    int64_t count;  // 0: changes the content
    std::string what;
  };
  std::vector<Step> steps_;
};

// What the work that is being recorded uses.
struct Recorded {
  // Of tensors that were there before: replaying it must not find their memory in other hands.
  std::map<const void *, StoragePool::Block> memory;
  RecordedRanges ranges;
};

class TensorTable {
 public:
  int64_t add(DType dtype, std::vector<int64_t> shape, int64_t size);
  int64_t add_view(const Tensor &tensor, std::vector<int64_t> shape);
  // Null if the handle was never issued or has been released.
  const Tensor *find(int64_t handle) const;
  void release(int64_t handle) { tensors_.erase(handle); }

  // All handles below it have been issued.
  int64_t next_handle() const { return next_; }
  StoragePool &pool() { return pool_; }

  void begin_recording() { recorded_.emplace(); }
  Recorded end_recording() { return *std::exchange(recorded_, std::nullopt); }
  bool is_recording() const { return recorded_.has_value(); }
  // Work under way uses a tensor.
  void use(const Tensor &tensor) {
    if (recorded_ && !pool_.is_set_aside(tensor.block.get())) recorded_->memory.emplace(tensor.block.get(), tensor.block);
  }
  // It has checked that the content of an i32 tensor is within [0, count).
  void expect_range(const Tensor &tensor, int64_t count, std::string what) {
    if (recorded_) recorded_->ranges.expects(tensor.range, count, std::move(what));
  }
  // It changes the content of an i32 tensor. Does nothing for others.
  void set_range(const SharedRange &range, std::optional<Range> to);
  void copy_range(const SharedRange &range, const SharedRange &from);
  Device &device() const { return pool_.device(); }

 private:
  StoragePool pool_{cpu_device()};
  std::unordered_map<int64_t, Tensor> tensors_;
  int64_t next_ = 1;
  std::optional<Recorded> recorded_;  // between begin and end
};

}  // namespace distill
