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

// 64-byte aligned, content undefined; from 2 MiB on aligned for and advised to use huge pages. Throws OutOfMemory: when the system
// refuses, or when more than physical_memory() would be in use, which a system that promises too much answers by ending the process.
void *allocate_aligned(int64_t bytes);
void free_aligned(void *memory, int64_t bytes);  // as many bytes as were asked for

// Bytes of memory in the machine, or in the container that the process may not outgrow.
int64_t physical_memory();

}  // namespace distill
