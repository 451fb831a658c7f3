#include "addon/content.h"

#include <bit>

#include "addon/errors.h"

namespace distill {

namespace {

uint32_t fill_pattern(DType dtype, Arguments &a) {
  switch (dtype) {
    case DType::f32:
      return std::bit_cast<uint32_t>(a.any_number("value"));
    case DType::bf16:
      return to_bf16(a.any_number("value")).bits * 0x00010001u;
    case DType::i32:
      return static_cast<uint32_t>(a.integer("value", INT32_MIN, INT32_MAX));
    case DType::u8:
      return static_cast<uint32_t>(a.integer("value", 0, UINT8_MAX)) * 0x01010101u;
  }
  return 0;
}

}  // namespace

void write(Device &device, const Tensor &tensor, const void *values) {
  if (tensor.range) tensor.range->reset();  // until it is written
  device.write(tensor.block.get(), values, tensor.bytes());
  if (tensor.range) *tensor.range = range_of(static_cast<const int32_t *>(values), tensor.size);
}

void copy(Arguments &a) {
  const Tensor &from = a.any_tensor("from");
  const Tensor &to = a.any_tensor("to");
  a.finish();
  if (to.dtype != from.dtype) a.wrong_type("to", dtype_name(from.dtype), to.describe());
  if (to.size != from.size) a.wrong_range("to", "the size of " + from.describe(), to.describe());
  if (to.range) to.range->reset();  // until it is copied
  a.device().copy(to.block.get(), from.block.get(), from.bytes());
  a.tensors().copy_range(to.range, from.range);
}

void fill(Arguments &a) {
  const Tensor &y = a.any_tensor("y");
  const uint32_t pattern = fill_pattern(y.dtype, a);
  a.finish();
  if (y.range) y.range->reset();  // until it is filled
  a.device().fill(y.block.get(), pattern, y.bytes());
  a.tensors().set_range(y.range, Range{static_cast<int32_t>(pattern), static_cast<int32_t>(pattern)});
}

void begin_recording(TensorTable &tensors) {
  if (!tensors.device().can_record()) throw WrongRange("beginRecording: expected a device that records, got the processor");
  tensors.device().begin_recording();
  tensors.pool().begin_setting_aside();
  tensors.begin_recording();
}

TensorRecording end_recording(TensorTable &tensors) {
  if (!tensors.pool().is_setting_aside()) throw WrongRange("endRecording: expected beginRecording first");
  TensorRecording recording{tensors.pool().end_setting_aside(), tensors.end_recording(), nullptr};
  recording.work = tensors.device().end_recording();
  return recording;
}

void TensorRecording::replay() const {
  used.ranges.replay();
  work->replay();
}

}  // namespace distill
