#include "addon/bindings/read.h"

namespace distill {

void read(Arguments &a, AssembleBatch &op) {
  op.images = a.tensor<const uint8_t>("images", "K H W 3");
  op.indices = a.tensor<const int32_t>("indices", "N");
  op.views = a.optional_tensor<const int32_t>("views", "N 3");
  op.sizes = a.optional_tensor<const int32_t>("sizes", "N 2");
  op.erased = a.optional_tensor<const int32_t>("erased", "N 4");
  op.y = a.floats_out("y", "N Z Z 3");
  a.numbers("mean", -kLargest, kLargest, op.mean);
  a.numbers("std", kSmallest, kLargest, op.std);
  op.N = a['N'], op.count = a['K'], op.H = a['H'], op.W = a['W'], op.Z = a['Z'];
  a.check_indices("indices", op.count);
}

void read(Arguments &a, Blend &op) {
  op.a = a.floats("a", "N H W C");
  op.b = a.floats("b", "N H W C");
  op.shares = a.tensor<const float>("shares", "N");
  op.boxes = a.optional_tensor<const int32_t>("boxes", "N 4");
  op.y = a.floats_out("y", "N H W C");
  a.stored_like("a", {"b", "y"});
  op.N = a['N'], op.H = a['H'], op.W = a['W'], op.C = a['C'];
}

void read(Arguments &a, SampleViews &op) {
  op.y = a.tensor<int32_t>("y", "N 3");
  op.crop = a.integer("crop", 0, kMaxInt32);
  op.flip = a.flag("flip");
  op.seed = seed(a, "seed");
  op.epoch = seed(a, "epoch");
  op.N = a['N'];
  if (op.N > kMaxInt32) a.wrong_range("y", "at most 2147483647 rows", std::to_string(op.N));
}

}  // namespace distill
