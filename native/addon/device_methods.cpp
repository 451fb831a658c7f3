#include <cmath>

#include "addon/device.h"
#include "addon/environment.h"
#include "addon/errors.h"

namespace distill {

namespace {

std::string text(const char *method, const char *name, const Napi::Value &value, const char *expected) {
  if (!value.IsString())
    throw WrongType(std::string(method) + ": " + name + ": expected " + expected + ", got " + take_value(value).describe());
  return value.As<Napi::String>();
}

void move_to(Environment &environment, Device &device) {
  StoragePool &pool = environment.tensors.pool();
  if (&pool.device() == &device) return;
  if (pool.in_use() > 0) throw WrongRange("useDevice: expected all tensors to be released first, got some in use");
  pool.move_to(device);
}

Napi::Value use_cpu(const Napi::CallbackInfo &info, Environment &environment) {
  move_to(environment, cpu_device());
  return info.Env().Undefined();
}

Napi::Value use_cuda(const Napi::CallbackInfo &info, Environment &environment) {
  const std::string library = text("useCuda", "library", info[0], "the path of the CUDA library");
  const Value gpu = take_value(info[1]);
  if (gpu.kind != Value::Kind::number) throw WrongType("useCuda: gpu: expected the number of a GPU, got " + gpu.describe());
  if (!(gpu.number >= 0 && gpu.number <= 255 && gpu.number == std::floor(gpu.number)))
    throw WrongRange("useCuda: gpu: expected an integer from 0 to 255, got " + gpu.describe());
  move_to(environment, cuda_device(library, static_cast<int>(gpu.number)));
  return info.Env().Undefined();
}

Napi::Value device_name(const Napi::CallbackInfo &info, Environment &environment) {
  return Napi::String::New(info.Env(), environment.tensors.device().name());
}

}  // namespace

void add_device_methods(Napi::Object exports) {
  add_method<use_cpu>(exports, "useCpu");
  add_method<use_cuda>(exports, "useCuda");
  add_method<device_name>(exports, "device");
}

}  // namespace distill
