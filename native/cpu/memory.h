// Memory from the system, for tensors and for the working memory of kernels.
#pragma once

#include <cstdint>
#include <exception>

namespace distill {

struct OutOfMemory : std::exception {
  int64_t asked;  // bytes
  explicit OutOfMemory(int64_t asked) : asked(asked) {}
  const char *what() const noexcept override { return "out of memory"; }
};

// 64-byte aligned, content undefined; from 2 MiB on, aligned for huge pages and marked for them. Throws OutOfMemory if the system refuses,
// or if more than physical_memory() would be in use: a system that overcommits would kill the process for that.
void *allocate_aligned(int64_t bytes);
void free_aligned(void *memory, int64_t bytes);  // with the bytes that were allocated

// Bytes of memory of the machine, or the memory limit of the container.
int64_t physical_memory();

}  // namespace distill
