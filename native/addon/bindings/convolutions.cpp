#include "addon/bindings/windows.h"

namespace distill {

namespace {

template <class Conv2d>
void read_geometry(Arguments &a, Conv2d &op) {
  op.stride = a.integer("stride", 1, kMaxInt32);
  op.padding = a.integer("padding", 0, std::min(a['R'], a['S']) - 1);
  bind_windows(a, a['R'], a['S'], op.stride, op.padding);
}

template <class Conv2d>
void take_extents(const Arguments &a, Conv2d &op) {
  op.N = a['N'], op.H = a['H'], op.W = a['W'], op.C = a['C'], op.O = a['O'];
  op.R = a['R'], op.S = a['S'], op.P = a['P'], op.Q = a['Q'];
}

const char *outputs(bool hwnc) { return hwnc ? "P Q N O" : "N P Q O"; }

}  // namespace

void read(Arguments &a, Conv2dForward &op) {
  op.hwnc = read_layout(a);
  op.x = a.floats("x", image(op.hwnc));
  op.weight = a.tensor<const float>("weight", "O C R S");
  read_geometry(a, op);
  op.bias = a.optional_tensor<const float>("bias", "O");
  op.y = a.floats_out("y", outputs(op.hwnc));
  a.stored_like("x", {"y"});
  take_extents(a, op);
}

void read(Arguments &a, Conv2dBackwardInput &op) {
  op.hwnc = read_layout(a);
  op.dx = a.floats_out("dx", image(op.hwnc));
  op.weight = a.tensor<const float>("weight", "O C R S");
  read_geometry(a, op);
  op.dy = a.floats("dy", outputs(op.hwnc));
  a.stored_like("dy", {"dx"});
  take_extents(a, op);
}

void read(Arguments &a, Conv2dBackwardWeight &op) {
  op.hwnc = read_layout(a);
  op.x = a.floats("x", image(op.hwnc));
  op.dweight = a.tensor<float>("dweight", "O C R S");
  read_geometry(a, op);
  op.dy = a.floats("dy", outputs(op.hwnc));
  a.stored_like("x", {"dy"});
  op.dbias = a.optional_tensor<float>("dbias", "O");
  take_extents(a, op);
}

void read(Arguments &a, Conv2dNormForward &op) {
  read(a, op.conv);
  BatchNormForwardEval &norm = op.norm;
  norm.x = norm.y = op.conv.y;
  norm.weight = a.tensor<const float>("normWeight", "O");
  norm.bias = a.tensor<const float>("normBias", "O");
  norm.running_mean = a.tensor<const float>("runningMean", "O");
  norm.running_var = a.tensor<const float>("runningVar", "O");
  norm.residual = a.optional_floats("residual", outputs(op.conv.hwnc));
  a.stored_like("x", {"residual"});
  norm.eps = a.number("eps", 0, kLargest);
  norm.relu = a.flag("relu");
  norm.M = op.conv.N * op.conv.P * op.conv.Q, norm.C = op.conv.O;
}

}  // namespace distill
