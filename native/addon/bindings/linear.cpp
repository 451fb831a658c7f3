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

}  // namespace distill
