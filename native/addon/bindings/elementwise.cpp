#include "addon/bindings/read.h"

namespace distill {

void read(Arguments &a, GeluForward &op) {
  op.x = a.floats("x", "M..");
  op.y = a.floats_out("y", "M..");
  a.stored_like("x", {"y"});
  op.size = a['M'];
}

void read(Arguments &a, GeluBackward &op) {
  op.x = a.floats("x", "M..");
  op.dy = a.floats("dy", "M..");
  op.dx = a.floats_out("dx", "M..");
  a.stored_like("x", {"dy", "dx"});
  op.size = a['M'];
}

void read(Arguments &a, Add &op) {
  op.a = a.floats("a", "M..");
  op.b = a.floats("b", "M..");
  op.y = a.floats_out("y", "M..");
  a.stored_like("a", {"b", "y"});
  op.size = a['M'];
  a.may_share("y", "a");
  a.may_share("y", "b");
}

void read(Arguments &a, Multiply &op) {
  op.a = a.tensor<const float>("a", "M..");
  op.b = a.tensor<const float>("b", "M..");
  op.y = a.tensor<float>("y", "M..");
  op.size = a['M'];
}

void read(Arguments &a, Scale &op) {
  op.x = a.tensor<const float>("x", "M..");
  op.by = a.optional_tensor<const float>("by", "1");
  op.y = a.tensor<float>("y", "M..");
  op.factor = a.number("factor", -kLargest, kLargest);
  op.size = a['M'];
}

void read(Arguments &a, ScaleRowsForward &op) {
  op.x = a.tensor<const float>("x", "M K");
  op.factors = a.tensor<const float>("factors", "M");
  op.y = a.tensor<float>("y", "M K");
  op.M = a['M'], op.K = a['K'];
}

void read(Arguments &a, ScaleRowsBackward &op) {
  op.x = a.tensor<const float>("x", "M K");
  op.factors = a.tensor<const float>("factors", "M");
  op.dy = a.tensor<const float>("dy", "M K");
  op.dx = a.tensor<float>("dx", "M K");
  op.dfactors = a.tensor<float>("dfactors", "M");
  op.M = a['M'], op.K = a['K'];
}

void read(Arguments &a, ReluForward &op) {
  op.x = a.floats("x", "M..");
  op.y = a.floats_out("y", "M..");
  a.stored_like("x", {"y"});
  op.size = a['M'];
}

void read(Arguments &a, ReluBackward &op) {
  op.y = a.floats("y", "M..");
  op.dy = a.floats("dy", "M..");
  op.dx = a.floats_out("dx", "M..");
  a.stored_like("y", {"dy", "dx"});
  op.size = a['M'];
}

}  // namespace distill
