#include <stdexcept>
#include "cuda/launchers.h"
namespace distill::cuda {
#define MISSING(name, A) void __attribute__((weak)) name(const A &) { throw std::runtime_error(#name ": not yet on the GPU"); }
DISTILL_OPS(MISSING)
}
