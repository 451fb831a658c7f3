#include "addon/environment.h"
#include "addon/errors.h"
#include "cpu/features.h"
#include "cpu/limits.h"
#include "cpu/select.h"
#include "cpu/threads.h"

namespace distill {

namespace {

template <class List, class Name>
Napi::Array names(Napi::Env env, const List &list, const Name &name) {
  Napi::Array array = Napi::Array::New(env);
  for (const auto &element : list) array.Set(array.Length(), name(element));
  return array;
}

Napi::Value cpu_features(const Napi::CallbackInfo &info, Environment &) {
  const CpuDescription &cpu = cpu_description();
  Napi::Object features = Napi::Object::New(info.Env());
  features.Set("name", cpu.name);
  features.Set("logicalCores", cpu.logical_cores);
  features.Set("features", names(info.Env(), cpu.features, [](const std::string &name) { return name; }));
  features.Set("isas", names(info.Env(), available_isas(), isa_name));
  features.Set("isa", isa_name(selected_isa()));
  features.Set("bf16Products", bf16_products_name(selected_bf16_products()));
  return features;
}

Napi::Value select_isa_method(const Napi::CallbackInfo &info, Environment &) {
  std::string available;
  for (const Isa isa : available_isas()) available += (available.empty() ? "" : ", ") + std::string(isa_name(isa));
  const std::string expected = "selectIsa: isa: expected one of " + available + " on this processor, got ";
  if (!info[0].IsString()) throw WrongType(expected + take_value(info[0]).describe());
  const std::string wanted = info[0].As<Napi::String>();
  for (const Isa isa : available_isas()) {
    if (wanted != isa_name(isa)) continue;
    select_isa(isa);
    return info.Env().Undefined();
  }
  throw WrongRange(expected + "'" + shortened(wanted) + "'");
}

Napi::Value select_bf16_products_method(const Napi::CallbackInfo &info, Environment &) {
  const std::string expected = "selectBf16Products: products: expected fp32 or bf16, got ";
  if (!info[0].IsString()) throw WrongType(expected + take_value(info[0]).describe());
  const std::string wanted = info[0].As<Napi::String>();
  for (const Bf16Products products : {Bf16Products::fp32, Bf16Products::bf16}) {
    if (wanted != bf16_products_name(products)) continue;
    select_bf16_products(products);
    return info.Env().Undefined();
  }
  throw WrongRange(expected + "'" + shortened(wanted) + "'");
}

Napi::Value set_threads_method(const Napi::CallbackInfo &info, Environment &) {
  constexpr int kMost = 1024;
  const std::string expected = "setThreads: count: expected an integer from 1 to " + std::to_string(kMost) + ", got ";
  const Value count = take_value(info[0]);
  if (count.kind != Value::Kind::number) throw WrongType(expected + count.describe());
  if (!(count.number >= 1 && count.number <= kMost && count.number == static_cast<int>(count.number)))
    throw WrongRange(expected + count.describe());
  set_threads(static_cast<int>(count.number));
  return info.Env().Undefined();
}

Napi::Value threads_method(const Napi::CallbackInfo &info, Environment &) { return Napi::Number::New(info.Env(), threads()); }

Napi::Value stop_on(const Napi::CallbackInfo &info, Environment &environment) {
  const Napi::Value flag = info[0];
  if (flag.IsNull()) {
    environment.stop = nullptr;
    environment.stop_array.Reset();
    return info.Env().Undefined();
  }
  const std::string expected = "stopOn: flag: expected an Int32Array of one element in a SharedArrayBuffer, or null, got ";
  if (!flag.IsTypedArray()) throw WrongType(expected + take_value(flag).describe());
  napi_typedarray_type type;
  size_t length = 0;
  void *data = nullptr;
  napi_value buffer = nullptr;
  bool may_be_detached = true;
  if (napi_get_typedarray_info(info.Env(), flag, &type, &length, &data, &buffer, nullptr) != napi_ok ||
      napi_is_arraybuffer(info.Env(), buffer, &may_be_detached) != napi_ok)
    throw Napi::Error::New(info.Env());
  // An ArrayBuffer may lose its memory while the flag is in use: by a transfer, or by shrinking. A shared one keeps it.
  if (type != napi_int32_array || length != 1 || may_be_detached) throw WrongType(expected + "another typed array");
  static_assert(sizeof(std::atomic<int32_t>) == sizeof(int32_t) && std::atomic<int32_t>::is_always_lock_free);
  environment.stop_array = Napi::Reference<Napi::Value>::New(flag, 1);
  environment.stop = static_cast<const std::atomic<int32_t> *>(data);
  return info.Env().Undefined();
}

Napi::Value measure_limits_method(const Napi::CallbackInfo &info, Environment &) {
  const Limits limits = measure_limits();
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("flops", limits.flops);
  result.Set("bf16Flops", limits.bf16_flops);
  result.Set("bandwidth", limits.bandwidth);
  return result;
}

Napi::Value measure_products_method(const Napi::CallbackInfo &info, Environment &) {
  const ProductRates rates = measure_products();
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("fp32", rates.fp32);
  result.Set("bf16", rates.bf16 > 0 ? Napi::Number::New(info.Env(), rates.bf16) : info.Env().Null());
  return result;
}

}  // namespace

void add_machine_methods(Napi::Object exports) {
  add_method<cpu_features>(exports, "cpuFeatures");
  add_method<select_isa_method>(exports, "selectIsa");
  add_method<select_bf16_products_method>(exports, "selectBf16Products");
  add_method<set_threads_method>(exports, "setThreads");
  add_method<threads_method>(exports, "threads");
  add_method<stop_on>(exports, "stopOn");
  add_method<measure_limits_method>(exports, "measureLimits");
  add_method<measure_products_method>(exports, "measureProducts");
}

}  // namespace distill
