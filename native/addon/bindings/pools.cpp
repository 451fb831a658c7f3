#include "addon/bindings/windows.h"

namespace distill {

namespace {

// Positions in an image must fit in int32.
void check_positions(const Arguments &a, const char *name) {
  if (a['H'] * a['W'] > kMaxInt32) a.wrong_range(name, "at most 2147483647 pixels", std::to_string(a['H'] * a['W']));
}

const char *pooled(bool hwnc) { return hwnc ? "P Q N C" : "N P Q C"; }

}  // namespace

void read(Arguments &a, AveragePoolForward &op) {
  op.hwnc = read_layout(a);
  op.x = a.floats("x", image(op.hwnc));
  op.y = a.floats_out("y", "N C");
  a.stored_like("x", {"y"});
  op.N = a['N'], op.H = a['H'], op.W = a['W'], op.C = a['C'];
}

void read(Arguments &a, AveragePoolBackward &op) {
  op.hwnc = read_layout(a);
  op.dx = a.floats_out("dx", image(op.hwnc));
  op.dy = a.floats("dy", "N C");
  a.stored_like("dy", {"dx"});
  op.N = a['N'], op.H = a['H'], op.W = a['W'], op.C = a['C'];
}

void read(Arguments &a, ResizeGridForward &op) {
  op.x = a.floats("x", "N H W C");
  op.y = a.floats_out("y", "N S S C");
  a.stored_like("x", {"y"});
  op.N = a['N'], op.H = a['H'], op.W = a['W'], op.C = a['C'], op.S = a['S'];
}

void read(Arguments &a, ResizeGridBackward &op) {
  op.dx = a.floats_out("dx", "N H W C");
  op.dy = a.floats("dy", "N S S C");
  a.stored_like("dy", {"dx"});
  op.N = a['N'], op.H = a['H'], op.W = a['W'], op.C = a['C'], op.S = a['S'];
}

void read(Arguments &a, MaxPoolForward &op) {
  op.hwnc = read_layout(a);
  op.x = a.floats("x", image(op.hwnc));
  check_positions(a, "x");
  op.kernel = a.integer("kernel", 1, kMaxInt32);
  op.stride = a.integer("stride", 1, kMaxInt32);
  op.padding = a.integer("padding", 0, op.kernel / 2);
  bind_windows(a, op.kernel, op.kernel, op.stride, op.padding);
  op.y = a.floats_out("y", pooled(op.hwnc));
  a.stored_like("x", {"y"});
  op.indices = a.tensor<int32_t>("indices", pooled(op.hwnc));
  op.N = a['N'], op.H = a['H'], op.W = a['W'], op.C = a['C'], op.P = a['P'], op.Q = a['Q'];
  a.promise("indices", {0, op.H * op.W - 1});
}

void read(Arguments &a, MaxPoolBackward &op) {
  op.hwnc = read_layout(a);
  op.dx = a.floats_out("dx", image(op.hwnc));
  op.kernel = a.integer("kernel", 1, kMaxInt32);
  op.stride = a.integer("stride", 1, kMaxInt32);
  op.padding = a.integer("padding", 0, op.kernel / 2);
  bind_windows(a, op.kernel, op.kernel, op.stride, op.padding);
  op.dy = a.floats("dy", pooled(op.hwnc));
  a.stored_like("dy", {"dx"});
  op.indices = a.tensor<const int32_t>("indices", pooled(op.hwnc));
  op.N = a['N'], op.H = a['H'], op.W = a['W'], op.C = a['C'], op.P = a['P'], op.Q = a['Q'];
  a.check_indices("indices", op.H * op.W);
}

void read(Arguments &a, SwapAxes &op) {
  op.x = a.floats("x", "N P C");
  op.y = a.floats_out("y", "P N C");
  a.stored_like("x", {"y"});
  op.N = a['N'], op.P = a['P'], op.C = a['C'];
}

}  // namespace distill
