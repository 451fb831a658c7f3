#include <cmath>

#include "addon/checksum.h"
#include "addon/content.h"
#include "addon/environment.h"
#include "addon/errors.h"
#include "cpu/memory.h"

namespace distill {

namespace {

[[noreturn]] void wrong_type(const char *method, const char *name, const std::string &expected, const std::string &got) {
  throw WrongType(std::string(method) + ": " + name + ": expected " + expected + ", got " + got);
}
[[noreturn]] void wrong_range(const char *method, const char *name, const std::string &expected, const std::string &got) {
  throw WrongRange(std::string(method) + ": " + name + ": expected " + expected + ", got " + got);
}

const Tensor &tensor_argument(const char *method, const Napi::Value &value, const TensorTable &tensors) {
  if (!value.IsNumber()) wrong_type(method, "tensor", "a tensor handle", take_value(value).describe());
  const double handle = value.As<Napi::Number>().DoubleValue();
  const Tensor *tensor = find_tensor(tensors, handle);
  if (!tensor) wrong_range(method, "tensor", "a tensor handle", describe_missing_tensor(tensors, handle));
  return *tensor;
}

DType dtype_argument(const char *method, const Napi::Value &value) {
  const char *kExpected = "'f32', 'bf16', 'i32' or 'u8'";
  if (!value.IsString()) wrong_type(method, "dtype", kExpected, take_value(value).describe());
  const std::string name = value.As<Napi::String>();
  for (const DType dtype : {DType::f32, DType::bf16, DType::i32, DType::u8})
    if (name == dtype_name(dtype)) return dtype;
  wrong_range(method, "dtype", kExpected, "'" + shortened(name) + "'");
}

struct Shape {
  std::vector<int64_t> extents;
  int64_t size = 1;
};

Shape shape_argument(const char *method, const Napi::Value &value) {
  constexpr int64_t kMost = int64_t{1} << 48;
  const std::string expected = "a list of up to 6 positive integers with a product up to 2^48";
  const Value list = take_value(value);
  if (list.kind != Value::Kind::list) wrong_type(method, "shape", expected, list.describe());
  if (list.list.size() > kMaxRank) wrong_range(method, "shape", expected, list.describe());
  Shape shape;
  for (const Value &element : list.list) {
    if (element.kind != Value::Kind::number) wrong_type(method, "shape", expected, element.describe() + " in it");
    const double extent = element.number;
    const bool fits = extent >= 1 && extent == std::floor(extent) && extent <= static_cast<double>(kMost / shape.size);
    if (!fits) wrong_range(method, "shape", expected, describe_number(extent) + " in it");
    shape.extents.push_back(static_cast<int64_t>(extent));
    shape.size *= shape.extents.back();
  }
  return shape;
}

Napi::Value alloc(const Napi::CallbackInfo &info, Environment &environment) {
  const DType dtype = dtype_argument("alloc", info[0]);
  Shape shape = shape_argument("alloc", info[1]);
  return Napi::Number::New(info.Env(), static_cast<double>(environment.tensors.add(dtype, std::move(shape.extents), shape.size)));
}

Napi::Value view(const Napi::CallbackInfo &info, Environment &environment) {
  Shape shape = shape_argument("view", info[1]);
  const Tensor &tensor = tensor_argument("view", info[0], environment.tensors);
  if (shape.size != tensor.size)
    wrong_range("view", "shape", "a shape of " + std::to_string(tensor.size) + " elements as " + tensor.describe(),
                describe_shape(shape.extents));
  return Napi::Number::New(info.Env(), static_cast<double>(environment.tensors.add_view(tensor, std::move(shape.extents))));
}

Napi::Value release(const Napi::CallbackInfo &info, Environment &environment) {
  tensor_argument("release", info[0], environment.tensors);
  environment.tensors.release(info[0].As<Napi::Number>().Int64Value());
  return info.Env().Undefined();
}

// A number that another method returned; 0 stands for none.
int64_t number_argument(const char *method, const char *name, const Napi::Value &value) {
  if (!value.IsNumber()) wrong_type(method, name, "a number", take_value(value).describe());
  const double number = value.As<Napi::Number>().DoubleValue();
  return number >= 1 && number < 0x1p53 && number == std::floor(number) ? static_cast<int64_t>(number) : 0;
}

const char *array_name(DType dtype) {
  constexpr const char *kNames[] = {"Float32Array", "Int32Array", "Uint8Array", "Uint16Array"};
  return kNames[static_cast<int>(dtype)];
}

Napi::Value write_method(const Napi::CallbackInfo &info, Environment &environment) {
  const Tensor &tensor = tensor_argument("write", info[0], environment.tensors);
  const std::string expected =
      std::string("a ") + array_name(tensor.dtype) + " of " + std::to_string(tensor.size) + " for " + tensor.describe();
  if (!info[1].IsTypedArray()) wrong_type("write", "values", expected, take_value(info[1]).describe());
  const auto values = info[1].As<Napi::TypedArray>();
  if (values.TypedArrayType() != array_type(tensor.dtype)) wrong_type("write", "values", expected, "another typed array");
  if (static_cast<int64_t>(values.ElementLength()) != tensor.size)
    wrong_range("write", "values", expected, std::to_string(values.ElementLength()) + " elements");
  void *data = nullptr;
  if (napi_get_typedarray_info(info.Env(), values, nullptr, nullptr, &data, nullptr, nullptr) != napi_ok || !data)
    wrong_range("write", "values", expected, "an array without memory");
  write(environment.tensors.device(), tensor, data);
  return info.Env().Undefined();
}

Napi::Value write_part(const Napi::CallbackInfo &info, Environment &environment) {
  const Tensor &tensor = tensor_argument("writePart", info[0], environment.tensors);
  if (tensor.dtype != DType::u8) wrong_range("writePart", "tensor", "a tensor of u8", tensor.describe());
  if (!info[1].IsNumber()) wrong_type("writePart", "first", "an element's number", take_value(info[1]).describe());
  const double first = info[1].As<Napi::Number>().DoubleValue();
  const bool is_element = first >= 0 && first == std::floor(first) && first <= static_cast<double>(tensor.size);
  if (!is_element) wrong_range("writePart", "first", "an element of " + tensor.describe(), describe_number(first));
  const ByteArray bytes = byte_array("writePart", info[2]);
  const int64_t room = tensor.size - static_cast<int64_t>(first);
  if (bytes.length > room)
    wrong_range("writePart", "bytes", "at most " + std::to_string(room) + " bytes from there", std::to_string(bytes.length));
  if (bytes.length > 0) environment.tensors.device().write(tensor.data<uint8_t>() + static_cast<int64_t>(first), bytes.data, bytes.length);
  return info.Env().Undefined();
}

Napi::Value read(const Napi::CallbackInfo &info, Environment &environment) {
  const Tensor tensor = tensor_argument("read", info[0], environment.tensors);
  const NewArray values = new_array("read", environment, tensor.dtype, tensor.size);
  environment.tensors.device().read(values.data, tensor.block.get(), tensor.bytes());
  return values.array;
}

Napi::Value read_later(const Napi::CallbackInfo &info, Environment &environment) {
  const Tensor &tensor = tensor_argument("readLater", info[0], environment.tensors);
  std::unique_ptr<PendingRead> pending = environment.tensors.device().read_later(tensor.block.get(), tensor.bytes());
  environment.reads.emplace(environment.next_number, TensorRead{tensor.dtype, tensor.size, std::move(pending)});
  return Napi::Number::New(info.Env(), static_cast<double>(environment.next_number++));
}

Napi::Value take_read(const Napi::CallbackInfo &info, Environment &environment) {
  const auto found = environment.reads.find(number_argument("takeRead", "read", info[0]));
  if (found == environment.reads.end()) wrong_range("takeRead", "read", "what readLater returned, once", take_value(info[0]).describe());
  const TensorRead read = std::move(environment.reads.extract(found).mapped());
  const NewArray values = new_array("takeRead", environment, read.dtype, read.size);
  read.pending->take(values.data);
  return values.array;
}

template <void (*method)(Arguments &)>
Napi::Value content_method(const Napi::CallbackInfo &info, Environment &environment, const char *name) {
  Arguments arguments(name, take_arguments(name, info[0]), environment.tensors);
  method(arguments);
  return info.Env().Undefined();
}
Napi::Value copy_method(const Napi::CallbackInfo &info, Environment &environment) {
  return content_method<copy>(info, environment, "copy");
}
Napi::Value fill_method(const Napi::CallbackInfo &info, Environment &environment) {
  return content_method<fill>(info, environment, "fill");
}

Napi::String checksum_in_digits(Napi::Env env, const void *data, int64_t bytes) {
  char digits[17];
  std::snprintf(digits, sizeof(digits), "%016llx", static_cast<unsigned long long>(checksum(data, bytes)));
  return Napi::String::New(env, digits);
}

Napi::Value checksum_method(const Napi::CallbackInfo &info, Environment &environment) {
  const Tensor &tensor = tensor_argument("checksum", info[0], environment.tensors);
  const HostCopy content(environment.tensors.device(), tensor.block.get(), tensor.bytes());
  return checksum_in_digits(info.Env(), content.data(), tensor.bytes());
}

Napi::Value checksum_of_method(const Napi::CallbackInfo &info, Environment &) {
  const ByteArray bytes = byte_array("checksumOf", info[0]);
  return checksum_in_digits(info.Env(), bytes.data, bytes.length);
}

Napi::Value can_record(const Napi::CallbackInfo &info, Environment &environment) {
  return Napi::Boolean::New(info.Env(), environment.tensors.device().can_record());
}

Napi::Value begin_recording_method(const Napi::CallbackInfo &info, Environment &environment) {
  begin_recording(environment.tensors);
  return info.Env().Undefined();
}

Napi::Value end_recording_method(const Napi::CallbackInfo &info, Environment &environment) {
  environment.recordings.emplace(environment.next_number, end_recording(environment.tensors));
  return Napi::Number::New(info.Env(), static_cast<double>(environment.next_number++));
}

std::map<int64_t, TensorRecording>::iterator recording_argument(const char *method, const Napi::Value &value, Environment &environment) {
  const auto found = environment.recordings.find(number_argument(method, "recording", value));
  if (found == environment.recordings.end()) wrong_range(method, "recording", "what endRecording returned", take_value(value).describe());
  return found;
}

Napi::Value replay(const Napi::CallbackInfo &info, Environment &environment) {
  recording_argument("replay", info[0], environment)->second.replay();
  return info.Env().Undefined();
}

Napi::Value release_recording(const Napi::CallbackInfo &info, Environment &environment) {
  environment.recordings.erase(recording_argument("releaseRecording", info[0], environment));
  return info.Env().Undefined();
}

Napi::Value memory_stats(const Napi::CallbackInfo &info, Environment &environment) {
  const StoragePool &pool = environment.tensors.pool();
  Napi::Object stats = Napi::Object::New(info.Env());
  stats.Set("inUse", static_cast<double>(pool.in_use()));
  stats.Set("cached", static_cast<double>(pool.cached()));
  stats.Set("peak", static_cast<double>(pool.peak()));
  return stats;
}

Napi::Value reset_peak_memory(const Napi::CallbackInfo &info, Environment &environment) {
  environment.tensors.pool().reset_peak();
  return info.Env().Undefined();
}

Napi::Value trim_memory(const Napi::CallbackInfo &info, Environment &environment) {
  environment.tensors.pool().trim();
  return info.Env().Undefined();
}

}  // namespace

void add_tensor_methods(Napi::Object exports) {
  add_method<alloc>(exports, "alloc");
  add_method<view>(exports, "view");
  add_method<release>(exports, "release");
  add_method<write_method>(exports, "write");
  add_method<write_part>(exports, "writePart");
  add_method<read>(exports, "read");
  add_method<read_later>(exports, "readLater");
  add_method<take_read>(exports, "takeRead");
  add_method<copy_method>(exports, "copy");
  add_method<fill_method>(exports, "fill");
  add_method<checksum_method>(exports, "checksum");
  add_method<checksum_of_method>(exports, "checksumOf");
  add_method<can_record>(exports, "canRecord");
  add_method<begin_recording_method>(exports, "beginRecording");
  add_method<end_recording_method>(exports, "endRecording");
  add_method<replay>(exports, "replay");
  add_method<release_recording>(exports, "releaseRecording");
  add_method<memory_stats>(exports, "memoryStats");
  add_method<reset_peak_memory>(exports, "resetPeakMemory");
  add_method<trim_memory>(exports, "trimMemory");
}

}  // namespace distill
