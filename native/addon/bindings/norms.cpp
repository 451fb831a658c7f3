#include "addon/bindings/read.h"

namespace distill {

void read(Arguments &a, BatchNormForwardTrain &op) {
  op.x = a.floats("x", "M.. C");
  op.weight = a.tensor<const float>("weight", "C");
  op.bias = a.tensor<const float>("bias", "C");
  op.residual = a.optional_floats("residual", "M.. C");
  op.y = a.floats_out("y", "M.. C");
  a.stored_like("x", {"residual", "y"});
  op.running_mean = a.tensor<float>("runningMean", "C");
  op.running_var = a.tensor<float>("runningVar", "C");
  op.mean = a.tensor<float>("mean", "C");
  op.rstd = a.tensor<float>("rstd", "C");
  op.momentum = a.number("momentum", 0, 1);
  op.eps = a.number("eps", 0, kLargest);
  op.activation = read_activation(a);
  op.M = a['M'], op.C = a['C'];
}

void read(Arguments &a, BatchNormForwardEval &op) {
  op.x = a.floats("x", "M.. C");
  op.weight = a.tensor<const float>("weight", "C");
  op.bias = a.tensor<const float>("bias", "C");
  op.running_mean = a.tensor<const float>("runningMean", "C");
  op.running_var = a.tensor<const float>("runningVar", "C");
  op.residual = a.optional_floats("residual", "M.. C");
  op.y = a.floats_out("y", "M.. C");
  a.stored_like("x", {"residual", "y"});
  op.eps = a.number("eps", 0, kLargest);
  op.activation = read_activation(a);
  op.M = a['M'], op.C = a['C'];
}

void read(Arguments &a, BatchNormBackward &op) {
  op.x = a.floats("x", "M.. C");
  op.dy = a.floats("dy", "M.. C");
  op.weight = a.tensor<const float>("weight", "C");
  op.mean = a.tensor<const float>("mean", "C");
  op.rstd = a.tensor<const float>("rstd", "C");
  op.activation = read_activation(a);
  op.y = op.activation == Activation::none ? a.optional_floats("y", "M.. C") : a.floats("y", "M.. C");
  op.dx = a.floats_out("dx", "M.. C");
  op.dweight = a.tensor<float>("dweight", "C");
  op.dbias = a.tensor<float>("dbias", "C");
  op.dresidual = a.optional_floats_out("dresidual", "M.. C");
  a.stored_like("x", {"dy", "y", "dx", "dresidual"});
  op.M = a['M'], op.C = a['C'];
}

void read(Arguments &a, LayerNormForward &op) {
  op.x = a.floats("x", "M.. D");
  op.weight = a.tensor<const float>("weight", "D");
  op.bias = a.tensor<const float>("bias", "D");
  op.y = a.floats_out("y", "M.. D");
  op.mean = a.tensor<float>("mean", "M..");
  op.rstd = a.tensor<float>("rstd", "M..");
  op.eps = a.number("eps", 0, kLargest);
  op.M = a['M'], op.D = a['D'];
}

void read(Arguments &a, LayerNormBackward &op) {
  op.x = a.floats("x", "M.. D");
  op.dy = a.floats("dy", "M.. D");
  op.weight = a.tensor<const float>("weight", "D");
  op.mean = a.tensor<const float>("mean", "M..");
  op.rstd = a.tensor<const float>("rstd", "M..");
  op.dx = a.floats_out("dx", "M.. D");
  a.stored_like("x", {"dx"});
  op.dweight = a.tensor<float>("dweight", "D");
  op.dbias = a.tensor<float>("dbias", "D");
  op.M = a['M'], op.D = a['D'];
}

}  // namespace distill
