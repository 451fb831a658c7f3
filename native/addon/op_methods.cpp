#include <string_view>

#include "addon/bindings.h"
#include "addon/environment.h"
#include "addon/errors.h"
#include "cpu/threads.h"

namespace distill {

namespace {

// linear_backward_input -> linearBackwardInput
std::string camel_case(const std::string &name) {
  std::string camel;
  for (size_t i = 0; i < name.size(); ++i) {
    if (name[i] == '_')
      camel += static_cast<char>(name[++i] - 'a' + 'A');
    else
      camel += name[i];
  }
  return camel;
}

// The flag that may cut this op short; null if none may. Ops on a GPU are queued within microseconds. What changes gradients or
// weights in place could not be taken back if it was left in the middle.
const std::atomic<int32_t> *stop_flag_of(const OpMethod &method, const Environment &environment) {
  const std::string_view name = method.name;
  const bool is_step = name == "adamw" || name == "sgd" || name == "accumulate" || name == "clip_norm";
  return is_step || &environment.tensors.device() != &cpu_device() ? nullptr : environment.stop;
}

void call(const OpMethod &method, const Ops &ops, Arguments &arguments, const std::atomic<int32_t> *stop) {
  if (stop && *stop != 0) throw Stopped();
  const StopOn scope(stop);
  method.call(ops, arguments);
  if (scope.cut()) throw Stopped();
}

Napi::Value call_op(const Napi::CallbackInfo &info) {
  const auto &method = *static_cast<const OpMethod *>(info.Data());
  return guarded(info, [&](Environment &environment) {
    Arguments arguments(method.name, take_arguments(method.name, info[0]), environment.tensors);
    Device &device = environment.tensors.device();
    call(method, device.ops(), arguments, stop_flag_of(method, environment));
    device.check();
    arguments.keep_promises();
    return info.Env().Undefined();
  });
}

}  // namespace

void add_op_methods(Napi::Object exports) {
  for (const OpMethod &method : op_methods()) {
    const std::string name = camel_case(method.name);
    exports.Set(name, Napi::Function::New(exports.Env(), call_op, name, const_cast<OpMethod *>(&method)));
  }
}

}  // namespace distill
