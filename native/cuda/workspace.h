// Memory that a launcher needs between its kernels, for partial sums or lists of parameters. One stream runs all work in order, so the next
// launcher may overwrite it after this one has queued its work.
#pragma once

#include <cstddef>
#include <cstdint>

namespace distill::gpu {

// At least `bytes` of device memory, 256-byte aligned, content undefined; valid until the next call. Throws CudaOutOfMemory.
void *workspace(int64_t bytes);

template <class T>
T *workspace_of(int64_t count) {
  return static_cast<T *>(workspace(count * static_cast<int64_t>(sizeof(T))));
}

// Queues a copy from the host, whose memory may change afterwards. Throws CudaError while recording, because a replay would copy whatever
// is there by then.
void upload(void *to, const void *from_host, int64_t bytes);

}  // namespace distill::gpu
