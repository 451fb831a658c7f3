// What tensors hold, as far as ops have nothing to do with it, and work that is noted down. Like the ops these know nothing of JavaScript:
// the driver in native/testing makes the same calls without it.
#pragma once

#include <memory>

#include "addon/arguments.h"
#include "addon/tensors.h"

namespace distill {

// `values`: as many as the tensor has, of its type.
void write(Device &device, const Tensor &tensor, const void *values);
// Arguments: from, to.
void copy(Arguments &a);
// Arguments: y, value.
void fill(Arguments &a);

// The work goes before the memory that it uses.
struct TensorRecording {
  std::unique_ptr<StoragePool::SetAside> memory;
  std::unique_ptr<Recording> work;
};
// Throws WrongRange on a device that does not record.
void begin_recording(TensorTable &tensors);
// Throws WrongRange without a beginning, and if something in between could not be recorded.
TensorRecording end_recording(TensorTable &tensors);

}  // namespace distill
