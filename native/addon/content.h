// Access to the content of tensors outside of ops, and recorded work. Like the ops, this knows nothing about JavaScript: the driver in
// native/testing makes the same calls without it.
#pragma once

#include <memory>

#include "addon/arguments.h"
#include "addon/tensors.h"

namespace distill {

// `values` has as many elements as the tensor, of its type.
void write(Device &device, const Tensor &tensor, const void *values);
// Arguments: from, to.
void copy(Arguments &a);
// Arguments: y, value.
void fill(Arguments &a);

// Members are destroyed in reverse order: the work before the memory that it uses.
struct TensorRecording {
  std::unique_ptr<StoragePool::SetAside> memory;
  Recorded used;
  std::unique_ptr<Recording> work;

  // Throws WrongRange if what the work trusts in the content of tensors does not hold any more.
  void replay() const;
};
// Throws WrongRange on a device that cannot record.
void begin_recording(TensorTable &tensors);
// Throws WrongRange if recording has not begun, or if something in between could not be recorded.
TensorRecording end_recording(TensorTable &tensors);

}  // namespace distill
