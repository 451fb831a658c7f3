// Linear layers: three products, with what follows them in their epilogues.
#include "cuda/columns.cuh"
#include "cuda/elementwise.cuh"
#include "cuda/gelu.cuh"
#include "cuda/launchers.h"
#include "cuda/product.cuh"

namespace distill::cuda {

using gpu::Matrix;

void linear_forward(const LinearForward &a) {
  const auto finish = [=] __device__(unsigned, uint32_t m, uint32_t o, float value) {
    const int64_t at = m * a.O + o;
    if (a.bias) value += a.bias[o];
    if (a.gelu_grad) a.gelu_grad[at] = gelu_derivative(value);
    if (a.gelu) value = gelu(value);
    a.y[at] = a.residual ? a.residual[at] + value : value;
  };
  gpu::product(a.M, a.O, a.I, Matrix<true>{a.x, a.I}, Matrix<true>{{a.weight}, a.I}, finish);
}

void linear_backward_input(const LinearBackwardInput &a) {
  const auto finish = [=] __device__(unsigned, uint32_t m, uint32_t i, float value) { a.dx[m * a.I + i] = value; };
  gpu::product(a.M, a.I, a.O, Matrix<true>{a.dy, a.O}, Matrix<false>{{a.weight}, a.I}, finish);
}

void linear_backward_weight(const LinearBackwardWeight &a) {
  float *parts;
  const int64_t count = gpu::product_in_parts(a.O, a.I, a.M, Matrix<false>{a.dy, a.O}, Matrix<false>{a.x, a.I}, parts);
  const int64_t size = a.O * a.I;
  for_each(size, [=] __device__(int64_t i) {
    float sum = 0;
    for (int64_t part = 0; part < count; part++) sum += parts[part * size + i];
    a.dweight[i] = sum;
  });
  if (a.dbias) gpu::sum_columns(a.dy, a.M, a.O, a.dbias);
}

}  // namespace distill::cuda
