#include "addon/tensors.h"

#include <algorithm>

#include "addon/errors.h"

namespace distill {

const char *dtype_name(DType dtype) {
  constexpr const char *kNames[] = {"f32", "i32", "u8", "bf16"};
  return kNames[static_cast<int>(dtype)];
}

int64_t dtype_bytes(DType dtype) { return dtype == DType::u8 ? 1 : dtype == DType::bf16 ? 2 : 4; }

Range range_of(const int32_t *values, int64_t size) {
  const auto [low, high] = std::minmax_element(values, values + size);
  return {*low, *high};
}

std::string describe_shape(std::span<const int64_t> shape) {
  std::string text = "[";
  for (const int64_t extent : shape) text += (text.size() > 1 ? "," : "") + std::to_string(extent);
  return text + "]";
}

std::string Tensor::describe() const { return std::string(dtype_name(dtype)) + " " + describe_shape(shape); }

int64_t TensorTable::add(DType dtype, std::vector<int64_t> shape, int64_t size) {
  auto range = dtype == DType::i32 ? std::make_shared<std::optional<Range>>() : nullptr;
  tensors_.emplace(next_, Tensor{dtype, std::move(shape), size, pool_.allocate(size * dtype_bytes(dtype)), std::move(range)});
  return next_++;
}

int64_t TensorTable::add_view(const Tensor &tensor, std::vector<int64_t> shape) {
  tensors_.emplace(next_, Tensor{tensor.dtype, std::move(shape), tensor.size, tensor.block, tensor.range});
  return next_++;
}

void RecordedRanges::replay() const {
  for (const Step &step : steps_) {
    if (step.count == 0) {
      *step.range = step.from ? *step.from : step.to;
      continue;
    }
    const std::optional<Range> &range = *step.range;
    if (range && !range->once_replayed && range->within(step.count)) continue;
    // Nothing of it is going to be written.
    for (const Step &other : steps_)
      if (other.count == 0) other.range->reset();
    throw WrongRange("replay: " + step.what + ": expected values from 0 to " + std::to_string(step.count - 1) +
                     " as when it was recorded, got others since");
  }
}

void TensorTable::set_range(const SharedRange &range, std::optional<Range> to) {
  if (!range) return;
  *range = to;
  if (!recorded_) return;
  recorded_->ranges.sets(range, to);
  if (*range) (*range)->once_replayed = true;
}

void TensorTable::copy_range(const SharedRange &range, const SharedRange &from) {
  if (!range) return;
  *range = *from;
  if (recorded_) {
    recorded_->ranges.copies(range, from);
    if (*range) (*range)->once_replayed = true;
  } else if (*range && (*range)->once_replayed) {
    range->reset();
  }
}

const Tensor *TensorTable::find(int64_t handle) const {
  const auto found = tensors_.find(handle);
  return found == tensors_.end() ? nullptr : &found->second;
}

}  // namespace distill
