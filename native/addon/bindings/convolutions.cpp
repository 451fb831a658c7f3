#include "addon/bindings/windows.h"

namespace distill {

namespace {

template <class Conv2d>
void read_geometry(Arguments &a, Conv2d &op) {
  op.stride = a.integer("stride", 1, kMaxInt32);
  const Padding padding = read_padding(a, op.stride);
  op.top = padding.top, op.left = padding.left;
}

template <class Conv2d>
void take_extents(const Arguments &a, Conv2d &op) {
  op.N = a['N'], op.H = a['H'], op.W = a['W'], op.C = a['C'];
  op.R = a['R'], op.S = a['S'], op.P = a['P'], op.Q = a['Q'];
  if constexpr (requires { op.O; }) op.O = a['O'];
}

// The norm of the output of `conv`, which has these extents, of which `channels` is the last.
template <class Conv2d>
void read_norm(Arguments &a, const Conv2d &conv, const char *extents, const char *channels, BatchNormForwardEval &norm) {
  norm.x = norm.y = conv.y;
  norm.weight = a.tensor<const float>("normWeight", channels);
  norm.bias = a.tensor<const float>("normBias", channels);
  norm.running_mean = a.tensor<const float>("runningMean", channels);
  norm.running_var = a.tensor<const float>("runningVar", channels);
  norm.residual = a.optional_floats("residual", extents);
  a.stored_like("x", {"residual"});
  norm.eps = a.number("eps", 0, kLargest);
  norm.activation = read_activation(a);
  norm.M = conv.N * conv.P * conv.Q, norm.C = a[channels[0]];
}

const char *outputs(bool hwnc) { return hwnc ? "P Q N O" : "N P Q O"; }
const char *same_channels(bool hwnc) { return hwnc ? "P Q N C" : "N P Q C"; }

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
  read_norm(a, op.conv, outputs(op.conv.hwnc), "O", op.norm);
}

void read(Arguments &a, DepthwiseConv2dForward &op) {
  op.hwnc = read_layout(a);
  op.x = a.floats("x", image(op.hwnc));
  op.weight = a.tensor<const float>("weight", "C 1 R S");
  read_geometry(a, op);
  op.bias = a.optional_tensor<const float>("bias", "C");
  op.y = a.floats_out("y", same_channels(op.hwnc));
  a.stored_like("x", {"y"});
  take_extents(a, op);
}

void read(Arguments &a, DepthwiseConv2dBackwardInput &op) {
  op.hwnc = read_layout(a);
  op.dx = a.floats_out("dx", image(op.hwnc));
  op.weight = a.tensor<const float>("weight", "C 1 R S");
  read_geometry(a, op);
  op.dy = a.floats("dy", same_channels(op.hwnc));
  a.stored_like("dy", {"dx"});
  take_extents(a, op);
}

void read(Arguments &a, DepthwiseConv2dBackwardWeight &op) {
  op.hwnc = read_layout(a);
  op.x = a.floats("x", image(op.hwnc));
  op.dweight = a.tensor<float>("dweight", "C 1 R S");
  read_geometry(a, op);
  op.dy = a.floats("dy", same_channels(op.hwnc));
  a.stored_like("x", {"dy"});
  op.dbias = a.optional_tensor<float>("dbias", "C");
  take_extents(a, op);
}

void read(Arguments &a, DepthwiseConv2dNormForward &op) {
  read(a, op.conv);
  read_norm(a, op.conv, same_channels(op.conv.hwnc), "C", op.norm);
}

}  // namespace distill
