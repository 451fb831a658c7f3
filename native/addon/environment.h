// The addon's state per JavaScript environment (the main thread and each worker thread have their own), and how calls, values and errors
// cross the border.
#pragma once

#include <napi.h>

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "addon/arguments.h"
#include "addon/content.h"
#include "addon/tensors.h"

namespace distill {

// A pending copy of `size` elements to the host.
struct TensorRead {
  DType dtype;
  int64_t size;
  std::unique_ptr<PendingRead> pending;
};

struct Environment {
  TensorTable tensors;
  // By number; numbers are never reused.
  std::map<int64_t, TensorRead> reads;
  std::map<int64_t, TensorRecording> recordings;
  int64_t next_number = 1;
  // Constructors of typed arrays, captured at load. Unlike the C interface, they throw if there is no memory.
  Napi::FunctionReference float32_array, int32_array, uint8_array, uint16_array;
  // Set from another thread to cut short the ops of this one; null if nobody may. `stop_array` keeps its memory.
  const std::atomic<int32_t> *stop = nullptr;
  Napi::Reference<Napi::Value> stop_array;

  explicit Environment(Napi::Env env);
};

// Runs the body of a method and converts what it throws to a JavaScript error. WrongType becomes a TypeError and WrongRange a RangeError.
// Running out of memory becomes an Error with code "OUT_OF_MEMORY", bytesAsked and bytesInUse, or on the GPU "CUDA_OUT_OF_MEMORY",
// bytesAsked and bytesFree. Stopped becomes one with code "INTERRUPTED". CudaError and CudaUnavailable become one with code "CUDA_ERROR",
// "CUDA_LOST" or "CUDA_UNAVAILABLE".
Napi::Value guarded(const Napi::CallbackInfo &info, const std::function<Napi::Value(Environment &)> &body);

template <Napi::Value (*method)(const Napi::CallbackInfo &, Environment &)>
void add_method(Napi::Object exports, const char *name) {
  const auto call = [](const Napi::CallbackInfo &info) { return guarded(info, [&](Environment &e) { return method(info, e); }); };
  exports.Set(name, Napi::Function::New(exports.Env(), call, name));
}

napi_typedarray_type array_type(DType dtype);

// A new typed array for `size` elements, and its memory. Throws OutOfMemory.
struct NewArray {
  Napi::Value array;
  void *data;
};
NewArray new_array(const char *method, const Environment &environment, DType dtype, int64_t size);

// The memory of a Uint8Array, the argument `bytes` of a method.
struct ByteArray {
  const void *data;
  int64_t length;
};
ByteArray byte_array(const char *method, const Napi::Value &value);

// Copies a value and, if it is a list, its elements.
Value take_value(const Napi::Value &value);

// The own properties of the object that an op is called with. Throws WrongType if it is not an object.
std::vector<Argument> take_arguments(const char *op, const Napi::Value &object);

void add_tensor_methods(Napi::Object exports);
void add_machine_methods(Napi::Object exports);
void add_file_methods(Napi::Object exports);
void add_image_methods(Napi::Object exports);
void add_device_methods(Napi::Object exports);
void add_op_methods(Napi::Object exports);

}  // namespace distill
