#include "addon/bindings/read.h"

namespace distill {

void read(Arguments &a, MeanForward &op) {
  op.x = a.floats("x", "M..");
  op.y = a.tensor<float>("y", "1");
  op.size = a['M'];
}

void read(Arguments &a, MeanBackward &op) {
  op.dy = a.tensor<const float>("dy", "1");
  op.dx = a.floats_out("dx", "M..");
  op.size = a['M'];
}

void read(Arguments &a, MeanSquareForward &op) {
  op.x = a.floats("x", "M..");
  op.target = a.optional_floats("target", "M..");
  op.y = a.tensor<float>("y", "1");
  op.size = a['M'];
}

void read(Arguments &a, MeanSquareBackward &op) {
  op.x = a.floats("x", "M..");
  op.target = a.optional_floats("target", "M..");
  op.dy = a.tensor<const float>("dy", "1");
  op.dx = a.floats_out("dx", "M..");
  a.stored_like("x", {"dx"});
  op.size = a['M'];
}

void read(Arguments &a, SumRowsForward &op) {
  op.x = a.tensor<const float>("x", "M.. K");
  op.y = a.tensor<float>("y", "M.. 1");
  op.M = a['M'], op.K = a['K'];
}

void read(Arguments &a, SumRowsBackward &op) {
  op.dx = a.tensor<float>("dx", "M.. K");
  op.dy = a.tensor<const float>("dy", "M.. 1");
  op.M = a['M'], op.K = a['K'];
}

void read(Arguments &a, LogSumExpForward &op) {
  op.x = a.tensor<const float>("x", "M.. K");
  op.y = a.tensor<float>("y", "M.. 1");
  op.M = a['M'], op.K = a['K'];
}

void read(Arguments &a, LogSumExpBackward &op) {
  op.x = a.tensor<const float>("x", "M.. K");
  op.dy = a.tensor<const float>("dy", "M.. 1");
  op.dx = a.tensor<float>("dx", "M.. K");
  op.M = a['M'], op.K = a['K'];
}

void read(Arguments &a, OneHot &op) {
  op.labels = a.tensor<const int32_t>("labels", "N");
  op.y = a.tensor<float>("y", "N K");
  op.N = a['N'], op.K = a['K'];
  a.check_indices("labels", op.K);
}

void read(Arguments &a, Argmax &op) {
  op.x = a.tensor<const float>("x", "M K");
  op.y = a.tensor<int32_t>("y", "M");
  op.M = a['M'], op.K = a['K'];
  a.promise("y", {0, op.K - 1});
}

void read(Arguments &a, EnergyMapForward &op) {
  op.x = a.floats("x", "N G C");
  op.y = a.tensor<float>("y", "N G");
  op.norm = a.tensor<float>("norm", "N");
  op.N = a['N'], op.G = a['G'], op.C = a['C'];
}

void read(Arguments &a, EnergyMapBackward &op) {
  op.x = a.floats("x", "N G C");
  op.y = a.tensor<const float>("y", "N G");
  op.norm = a.tensor<const float>("norm", "N");
  op.dy = a.tensor<const float>("dy", "N G");
  op.dx = a.floats_out("dx", "N G C");
  a.stored_like("x", {"dx"});
  op.N = a['N'], op.G = a['G'], op.C = a['C'];
}

void read(Arguments &a, DistillationLoss &op) {
  op.student = a.tensor<const float>("student", "N K");
  op.teacher = a.optional_tensor<const float>("teacher", "N K");
  op.labels = a.tensor<const int32_t>("labels", "N");
  op.weights = a.optional_tensor<const float>("weights", "N");
  op.dstudent = a.optional_tensor<float>("dstudent", "N K");
  op.loss = a.tensor<float>("loss", "1");
  op.metrics = a.tensor<float>("metrics", "3");
  op.temperature = a.number("temperature", kSmallest, kLargest);
  op.alpha = a.number("alpha", 0, 1);
  op.N = a['N'], op.K = a['K'];
  a.check_indices("labels", op.K);
}

}  // namespace distill
