// Errors inside the CUDA library, until library.cu turns them into a CudaFailure.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

namespace distill {

// "cudaErrorInvalidValue: invalid argument (linear_tile, linear.cu:120)"
struct CudaError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// An error that CUDA cannot recover from: every further call in this process fails.
struct CudaDeviceLost : CudaError {
  using CudaError::CudaError;
};

struct CudaOutOfMemory : std::exception {
  int64_t asked, free;  // bytes
  CudaOutOfMemory(int64_t asked, int64_t free) : asked(asked), free(free) {}
  const char *what() const noexcept override { return "out of memory on the GPU"; }
};

// No driver, or a driver that does not know this library's runtime.
struct CudaUnavailable : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace distill
