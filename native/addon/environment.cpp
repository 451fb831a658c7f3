#include "addon/environment.h"

#include <cmath>
#include <new>

#include "addon/device.h"
#include "addon/errors.h"
#include "cpu/memory.h"
#include "cuda/errors.h"

namespace distill {

namespace {

constexpr uint32_t kLongestList = 1 << 20, kMostArguments = 100;
constexpr size_t kLongestText = 64;

Napi::FunctionReference constructor(Napi::Env env, const char *name) {
  return Napi::Persistent(env.Global().Get(name).As<Napi::Function>());
}

std::string gibibytes(int64_t bytes) { return describe_number(std::round(static_cast<double>(bytes) / (1 << 30) * 100) / 100) + " GiB"; }

Napi::Error coded(Napi::Env env, const char *code, const std::string &message) {
  Napi::Error error = Napi::Error::New(env, message);
  error.Set("code", Napi::String::New(env, code));
  return error;
}

Napi::Error out_of_memory(Napi::Env env, int64_t asked, int64_t in_use) {
  Napi::Error error =
      coded(env, "OUT_OF_MEMORY",
            "out of memory: asked for " + std::to_string(asked) + " bytes (" + gibibytes(asked) + ") with " + gibibytes(in_use) +
                " in use by tensors and " + gibibytes(physical_memory()) + " in the machine. Use a smaller batch, image or model.");
  error.Set("bytesAsked", Napi::Number::New(env, static_cast<double>(asked)));
  error.Set("bytesInUse", Napi::Number::New(env, static_cast<double>(in_use)));
  return error;
}

Napi::Error out_of_memory_on_gpu(Napi::Env env, const CudaOutOfMemory &cause, int64_t in_use, int64_t memory) {
  const std::string asked = cause.asked ? "asked for " + std::to_string(cause.asked) + " bytes (" + gibibytes(cause.asked) + ") with " : "";
  Napi::Error error =
      coded(env, "CUDA_OUT_OF_MEMORY",
            "out of memory on the GPU: " + asked + gibibytes(cause.free) + " free of " + gibibytes(memory) + "; " + gibibytes(in_use) +
                " are in use by tensors of this program. Use a smaller batch (train.batchSize), image or model.");
  error.Set("bytesAsked", Napi::Number::New(env, static_cast<double>(cause.asked)));
  error.Set("bytesFree", Napi::Number::New(env, static_cast<double>(cause.free)));
  return error;
}

std::string describe_type(napi_valuetype type) {
  switch (type) {
    case napi_symbol:
      return "a symbol";
    case napi_function:
      return "a function";
    case napi_bigint:
      return "a bigint";
    default:
      return "an object";
  }
}

std::string take_text(const Napi::Value &value) {
  char text[kLongestText];
  size_t length = 0;
  if (napi_get_value_string_utf8(value.Env(), value, text, sizeof(text), &length) != napi_ok) throw Napi::Error::New(value.Env());
  return {text, length};
}

Value take_scalar(const Napi::Value &value) {
  switch (const napi_valuetype type = value.Type()) {
    case napi_undefined:
    case napi_null:
      return {};
    case napi_boolean:
      return Value::of(value.As<Napi::Boolean>().Value());
    case napi_number:
      return Value::of(value.As<Napi::Number>().DoubleValue());
    case napi_string:
      return Value::of(take_text(value));
    default:
      return Value::other(describe_type(type));
  }
}

Napi::Array own_names(const Napi::Object &object) {
  napi_value names;
  const auto filter = static_cast<napi_key_filter>(napi_key_enumerable | napi_key_skip_symbols);
  if (napi_get_all_property_names(object.Env(), object, napi_key_own_only, filter, napi_key_numbers_to_strings, &names) != napi_ok)
    throw Napi::Error::New(object.Env());
  return Napi::Array(object.Env(), names);
}

}  // namespace

Environment::Environment(Napi::Env env)
    : float32_array(constructor(env, "Float32Array")),
      int32_array(constructor(env, "Int32Array")),
      uint8_array(constructor(env, "Uint8Array")),
      uint16_array(constructor(env, "Uint16Array")) {}

Napi::Value guarded(const Napi::CallbackInfo &info, const std::function<Napi::Value(Environment &)> &body) {
  const Napi::Env env = info.Env();
  Environment &environment = *env.GetInstanceData<Environment>();
  const Device &device = environment.tensors.device();
  const int64_t in_use = environment.tensors.pool().in_use();
  try {
    return body(environment);
  } catch (const Napi::Error &) {
    throw;
  } catch (const WrongType &error) {
    throw Napi::TypeError::New(env, error.what());
  } catch (const WrongRange &error) {
    throw Napi::RangeError::New(env, error.what());
  } catch (const Stopped &error) {
    throw coded(env, "INTERRUPTED", error.what());
  } catch (const OutOfMemory &error) {
    throw out_of_memory(env, error.asked, in_use);
  } catch (const CudaOutOfMemory &error) {
    throw out_of_memory_on_gpu(env, error, in_use, device.memory_bytes());
  } catch (const CudaUnavailable &error) {
    throw coded(env, "CUDA_UNAVAILABLE", error.what());
  } catch (const CudaDeviceLost &error) {
    throw coded(env, "CUDA_LOST", std::string("the GPU cannot be used any more by this process: ") + error.what());
  } catch (const CudaError &error) {
    throw coded(env, "CUDA_ERROR", error.what());
  } catch (const std::bad_alloc &) {
    throw out_of_memory(env, 0, in_use);
  } catch (const std::exception &error) {
    throw Napi::Error::New(env, error.what());
  }
}

napi_typedarray_type array_type(DType dtype) {
  constexpr napi_typedarray_type kTypes[] = {napi_float32_array, napi_int32_array, napi_uint8_array, napi_uint16_array};
  return kTypes[static_cast<int>(dtype)];
}

ByteArray byte_array(const char *method, const Napi::Value &value) {
  const std::string expected = std::string(method) + ": bytes: expected a Uint8Array with memory, got ";
  if (!value.IsTypedArray()) throw WrongType(expected + take_value(value).describe());
  napi_typedarray_type type;
  size_t length = 0;
  void *data = nullptr;
  if (napi_get_typedarray_info(value.Env(), value, &type, &length, &data, nullptr, nullptr) != napi_ok) throw Napi::Error::New(value.Env());
  if (type != napi_uint8_array) throw WrongType(expected + "another typed array");
  if (length > 0 && !data) throw WrongRange(expected + "an array without memory");
  return {data, static_cast<int64_t>(length)};
}

NewArray new_array(const char *method, const Environment &environment, DType dtype, int64_t size) {
  const Napi::FunctionReference *const constructors[] = {&environment.float32_array, &environment.int32_array, &environment.uint8_array,
                                                         &environment.uint16_array};
  const Napi::FunctionReference &constructor = *constructors[static_cast<int>(dtype)];
  const Napi::Env env = constructor.Env();
  Napi::Value array;
  try {
    array = constructor.New({Napi::Number::New(env, static_cast<double>(size))});
  } catch (const Napi::Error &) {
    throw OutOfMemory(size * dtype_bytes(dtype));  // the only way in which a valid size can fail
  }
  napi_typedarray_type type;
  size_t length = 0;
  void *data = nullptr;
  const napi_status status = napi_get_typedarray_info(env, array, &type, &length, &data, nullptr, nullptr);
  // The constructor is whatever the program had under that name when the addon was loaded.
  if (status != napi_ok || type != array_type(dtype) || length != static_cast<size_t>(size))
    throw WrongType(std::string(method) + ": tensor: expected a typed array from the constructor of " + dtype_name(dtype) +
                    ", got something else");
  return {array, data};
}

Value take_value(const Napi::Value &value) {
  if (!value.IsArray()) return take_scalar(value);
  const auto array = value.As<Napi::Array>();
  const uint32_t length = array.Length();
  if (length > kLongestList) return Value::other("a list of " + std::to_string(length));
  Value list;
  list.kind = Value::Kind::list;
  for (uint32_t i = 0; i < length; ++i) {
    const Napi::HandleScope scope(value.Env());
    list.list.push_back(take_scalar(array.Get(i)));
  }
  return list;
}

std::vector<Argument> take_arguments(const char *op, const Napi::Value &value) {
  const std::string expected = std::string(op) + ": arguments: expected an object with one property per argument, got ";
  // The properties of a typed array are its elements, which may be too many to list.
  if (!value.IsObject() || value.IsArray() || value.IsFunction() || value.IsTypedArray())
    throw WrongType(expected + (value.IsTypedArray() ? "a typed array" : take_value(value).describe()));
  const auto object = value.As<Napi::Object>();
  const Napi::Array names = own_names(object);
  if (names.Length() > kMostArguments) throw WrongType(expected + std::to_string(names.Length()) + " properties");
  std::vector<Argument> arguments;
  for (uint32_t i = 0; i < names.Length(); ++i) {
    const Napi::HandleScope scope(value.Env());
    const Napi::Value name = names.Get(i);
    arguments.push_back({name.ToString(), take_value(object.Get(name))});
  }
  return arguments;
}

}  // namespace distill
