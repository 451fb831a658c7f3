// distill_core.node: methods for tensors, for the machine and for devices, and one per op. src-main/backend/addon.ts is its type.
#include <napi.h>

#include "addon/environment.h"

namespace distill {

static Napi::Object init(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new Environment(env));
  add_tensor_methods(exports);
  add_machine_methods(exports);
  add_file_methods(exports);
  add_image_methods(exports);
  add_device_methods(exports);
  add_op_methods(exports);
  return exports;
}

NODE_API_MODULE(distill_core, init)

}  // namespace distill
