// distill_core.node: methods for tensors, for the machine and for devices, and one per op. src-main/backend/addon.ts is its type.
#include <napi.h>

#include "addon/environment.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace distill {

// Decoding an image takes and frees a few hundred kilobytes several times. By default glibc returns them to the system each time, and
// touching them anew costs about a twelfth of the decoding: each thread keeps up to this many bytes instead.
static void keep_freed_memory() {
#ifdef __GLIBC__
  constexpr int kKept = 16 << 20;
  mallopt(M_TRIM_THRESHOLD, kKept);
  mallopt(M_MMAP_THRESHOLD, kKept);
#endif
}

static Napi::Object init(Napi::Env env, Napi::Object exports) {
  keep_freed_memory();
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
