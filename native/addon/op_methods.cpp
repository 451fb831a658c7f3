#include "addon/bindings.h"
#include "addon/environment.h"

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

Napi::Value call_op(const Napi::CallbackInfo &info) {
  const auto &method = *static_cast<const OpMethod *>(info.Data());
  return guarded(info, [&](Environment &environment) {
    Arguments arguments(method.name, take_arguments(method.name, info[0]), environment.tensors);
    Device &device = environment.tensors.device();
    method.call(device.ops(), arguments);
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
