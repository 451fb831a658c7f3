#include "cuda/elementwise.cuh"
#include "cuda/launchers.h"

namespace distill::cuda {

void swap_axes(const SwapAxes &a) {
  for_each(a.N * a.P * a.C, [=] __device__(int64_t i) {
    const int64_t c = i % a.C, n = i / a.C % a.N, p = i / a.C / a.N;
    a.y[i] = a.x[(n * a.P + p) * a.C + c];
  });
}

}  // namespace distill::cuda
