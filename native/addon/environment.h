// What the addon keeps per JavaScript environment (the main thread and each worker thread has its own), and how calls, values and
// errors cross the border.
#pragma once

#include <napi.h>

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "addon/arguments.h"
#include "addon/content.h"
#include "addon/tensors.h"

namespace distill {

// A copy to the host under way, of so many elements of that type.
struct TensorRead {
  DType dtype;
  int64_t size;
  std::unique_ptr<PendingRead> pending;
};

struct Environment {
  TensorTable tensors;
  // By number; a number is never used again.
  std::map<int64_t, TensorRead> reads;
  std::map<int64_t, TensorRecording> recordings;
  int64_t next_number = 1;
  // Constructors of typed arrays, taken at load. Unlike the C interface they throw when there is no memory.
  Napi::FunctionReference float32_array, int32_array, uint8_array, uint16_array;

  explicit Environment(Napi::Env env);
};

// Runs the body of a method. What it throws becomes a JavaScript error: WrongType TypeError, WrongRange RangeError, running out of
// memory an Error with code "OUT_OF_MEMORY", bytesAsked and bytesInUse; on the GPU "CUDA_OUT_OF_MEMORY", bytesAsked and bytesFree.
// CudaError and CudaUnavailable become one with the code "CUDA_ERROR", "CUDA_LOST" or "CUDA_UNAVAILABLE".
Napi::Value guarded(const Napi::CallbackInfo &info, const std::function<Napi::Value(Environment &)> &body);

template <Napi::Value (*method)(const Napi::CallbackInfo &, Environment &)>
void add_method(Napi::Object exports, const char *name) {
  const auto call = [](const Napi::CallbackInfo &info) { return guarded(info, [&](Environment &e) { return method(info, e); }); };
  exports.Set(name, Napi::Function::New(exports.Env(), call, name));
}

napi_typedarray_type array_type(DType dtype);

// A new typed array for so many elements, and its memory. Throws OutOfMemory.
struct NewArray {
  Napi::Value array;
  void *data;
};
NewArray new_array(const char *method, const Environment &environment, DType dtype, int64_t size);

// Takes a value over and, if it is a list, its elements.
Value take_value(const Napi::Value &value);

// The own properties of the object that an op is called with. Throws WrongType if it is none.
std::vector<Argument> take_arguments(const char *op, const Napi::Value &object);

void add_tensor_methods(Napi::Object exports);
void add_machine_methods(Napi::Object exports);
void add_device_methods(Napi::Object exports);
void add_op_methods(Napi::Object exports);

}  // namespace distill
