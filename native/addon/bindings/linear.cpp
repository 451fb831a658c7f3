#include "addon/bindings/read.h"

namespace distill {

void read(Arguments &a, LinearForward &op) {
  op.x = a.floats("x", "M.. I");
  op.weight = a.tensor<const float>("weight", "O I");
  op.bias = a.optional_tensor<const float>("bias", "O");
  op.residual = a.optional_floats("residual", "M.. O");
  op.y = a.floats_out("y", "M.. O");
  op.gelu_grad = a.optional_floats_out("geluGrad", "M.. O");
  a.stored_like("y", {"residual", "geluGrad"});
  op.gelu = a.optional_flag("gelu");
  a.may_share("y", "residual");
  op.M = a['M'], op.I = a['I'], op.O = a['O'];
}

void read(Arguments &a, LinearBackwardInput &op) {
  op.dy = a.floats("dy", "M.. O");
  op.weight = a.tensor<const float>("weight", "O I");
  op.gelu_grad = a.optional_floats("geluGrad", "M.. I");
  op.dx = a.floats_out("dx", "M.. I");
  a.stored_like("dx", {"geluGrad"});
  op.M = a['M'], op.I = a['I'], op.O = a['O'];
}

void read(Arguments &a, LinearBackwardWeight &op) {
  op.x = a.floats("x", "M.. I");
  op.dy = a.floats("dy", "M.. O");
  op.dweight = a.tensor<float>("dweight", "O I");
  op.dbias = a.optional_tensor<float>("dbias", "O");
  op.M = a['M'], op.I = a['I'], op.O = a['O'];
}

// Widths: I -> H -> O
void read(Arguments &a, MlpForward &op) {
  LinearForward &first = op.first, &second = op.second;
  first.x = a.floats("x", "M.. I");
  first.weight = a.tensor<const float>("firstWeight", "H I");
  first.bias = a.tensor<const float>("firstBias", "H");
  first.y = a.floats_out("hidden", "M.. H");
  first.gelu_grad = a.optional_floats_out("geluGrad", "M.. H");
  a.stored_like("hidden", {"geluGrad"});
  first.gelu = true;
  second.x = first.y;
  second.weight = a.tensor<const float>("secondWeight", "O H");
  second.bias = a.tensor<const float>("secondBias", "O");
  second.residual = a.optional_floats("residual", "M.. O");
  second.y = a.floats_out("y", "M.. O");
  a.stored_like("y", {"residual"});
  a.may_share("y", "residual");
  first.M = second.M = a['M'], first.I = a['I'], first.O = second.I = a['H'], second.O = a['O'];
}

void read(Arguments &a, MlpBackwardInput &op) {
  LinearBackwardInput &second = op.second, &first = op.first;
  second.dy = a.floats("dy", "M.. O");
  second.weight = a.tensor<const float>("secondWeight", "O H");
  second.gelu_grad = a.floats("geluGrad", "M.. H");
  second.dx = a.floats_out("dhidden", "M.. H");
  a.stored_like("dhidden", {"geluGrad"});
  first.dy = second.dx;
  first.weight = a.tensor<const float>("firstWeight", "H I");
  first.dx = a.floats_out("dx", "M.. I");
  second.M = first.M = a['M'], second.O = a['O'], second.I = first.O = a['H'], first.I = a['I'];
}

}  // namespace distill
