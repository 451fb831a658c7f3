// Device memory and its copies to and from the host, as library.cu offers them. All functions throw CudaError or CudaOutOfMemory.
#pragma once

#include <cstdint>

#include "cuda/library.h"
#include "cuda/workspace.h"

namespace distill::gpu {

void when_full(void (*relieve)(void *owner), void *owner);
void *allocate(int64_t bytes);
// asked: 0 if the number of bytes is unknown.
[[noreturn]] void throw_out_of_memory(int64_t asked);
void free(void *memory);

void download(void *to_host, const void *from, int64_t bytes);  // returns once the content has arrived
CudaRead *download_later(const void *from, int64_t bytes);
void finish(CudaRead *read, void *to_host);

CudaRecording *end_recording();
void begin_recording();
void replay(const CudaRecording *recording);
void forget(CudaRecording *recording);

}  // namespace distill::gpu
