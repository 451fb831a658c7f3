// Linear layers: three products, with bias, GELU and residual in their epilogues. With bf16 activations they run on tensor cores.
#include "cuda/columns.cuh"
#include "cuda/elementwise.cuh"
#include "cuda/gelu.cuh"
#include "cuda/launchers.h"
#include "cuda/product.cuh"
#include "cuda/tensor_product.cuh"
#include "mlp.h"

namespace distill::cuda {

namespace {

using gpu::Eight;
using gpu::Factor;
using gpu::Matrix;
using gpu::MatrixChunks;

void sum_parts(const float *parts, int64_t count, const LinearBackwardWeight &a) {
  const int64_t size = a.O * a.I;
  for_each(size, [=] __device__(int64_t i) {
    float sum = 0;
    for (int64_t part = 0; part < count; part++) sum += parts[part * size + i];
    a.dweight[i] = sum;
  });
}

void tensor_forward(const LinearForward &a) {
  const Factor x(a.x, a.M, a.I), weight({a.weight}, a.O, a.I);
  const auto [x_memory, weight_memory] = gpu::workspaces<2>({x.copy_bytes, weight.copy_bytes});
  const auto finish = [=] __device__(unsigned, uint32_t m, uint32_t o, Eight values, int count) {
    const int64_t at = m * a.O + o;
    if (a.bias) {
      const Eight bias = gpu::load8({a.bias}, o, count);
      values = gpu::eight_of([&](int i) { return values.of[i] + bias.of[i]; });
    }
    if (a.gelu_grad) gpu::store8(a.gelu_grad, at, gpu::eight_of([&](int i) { return gelu_derivative(values.of[i]); }), count);
    if (a.gelu) values = gpu::eight_of([&](int i) { return gelu(values.of[i]); });
    if (a.residual) {
      const Eight residual = gpu::load8(a.residual, at, count);
      values = gpu::eight_of([&](int i) { return values.of[i] + residual.of[i]; });
    }
    gpu::store8(a.y, at, values, count);
  };
  gpu::tensor_product(a.M, a.O, a.I, MatrixChunks<true>(x.in(x_memory), a.M, a.I), MatrixChunks<true>(weight.in(weight_memory), a.O, a.I),
                      finish);
}

void tensor_backward_input(const LinearBackwardInput &a) {
  const Factor dy(a.dy, a.M, a.O), weight({a.weight}, a.O, a.I);
  const auto [dy_memory, weight_memory] = gpu::workspaces<2>({dy.copy_bytes, weight.copy_bytes});
  const auto finish = [=] __device__(unsigned, uint32_t m, uint32_t i, Eight values, int count) {
    const int64_t at = m * a.I + i;
    if (a.gelu_grad) {
      const Eight slope = gpu::load8(a.gelu_grad, at, count);
      values = gpu::eight_of([&](int j) { return values.of[j] * slope.of[j]; });
    }
    gpu::store8(a.dx, at, values, count);
  };
  gpu::tensor_product(a.M, a.I, a.O, MatrixChunks<true>(dy.in(dy_memory), a.M, a.O),
                      MatrixChunks<false>(weight.in(weight_memory), a.O, a.I), finish);
}

void tensor_backward_weight(const LinearBackwardWeight &a) {
  const Factor x(a.x, a.M, a.I), dy(a.dy, a.M, a.O);
  const gpu::ProductShape shape = gpu::tensor_parts(a.O, a.I, a.M);
  const int64_t count = gpu::parts_of(shape), bytes = count * a.O * a.I * static_cast<int64_t>(sizeof(float));
  const auto [x_memory, dy_memory, parts_memory] = gpu::workspaces<3>({x.copy_bytes, dy.copy_bytes, bytes});
  auto *parts = static_cast<float *>(parts_memory);
  gpu::tensor_product_in_parts(shape, MatrixChunks<false>(dy.in(dy_memory), a.M, a.O), MatrixChunks<false>(x.in(x_memory), a.M, a.I),
                               parts);
  sum_parts(parts, count, a);
}

}  // namespace

void linear_forward(const LinearForward &a) {
  if (gpu::on_tensor_cores(a.x.storage)) return tensor_forward(a);
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
  if (gpu::on_tensor_cores(a.dx.storage)) return tensor_backward_input(a);
  const auto finish = [=] __device__(unsigned, uint32_t m, uint32_t i, float value) {
    const int64_t at = m * a.I + i;
    a.dx[at] = a.gelu_grad ? value * a.gelu_grad[at] : value;
  };
  gpu::product(a.M, a.I, a.O, Matrix<true>{a.dy, a.O}, Matrix<false>{{a.weight}, a.I}, finish);
}

void linear_backward_weight(const LinearBackwardWeight &a) {
  if (gpu::on_tensor_cores(a.x.storage)) {
    tensor_backward_weight(a);
  } else {
    float *parts;
    const int64_t count = gpu::product_in_parts(a.O, a.I, a.M, Matrix<false>{a.dy, a.O}, Matrix<false>{a.x, a.I}, parts);
    sum_parts(parts, count, a);
  }
  if (a.dbias) gpu::sum_columns(a.dy, a.M, a.O, a.dbias);
}

void mlp_forward(const MlpForward &a) { in_turn<linear_forward>(a); }
void mlp_backward_input(const MlpBackwardInput &a) { in_turn<linear_backward_input>(a); }

}  // namespace distill::cuda
