#include "addon/bindings/read.h"

namespace distill {

namespace {

template <class Random>
void read_random(Arguments &a, Random &op, const char *pattern) {
  using Element = std::remove_pointer_t<decltype(op.y)>;
  op.y = a.tensor<Element>("y", pattern);
  op.seed = seed(a, "seed");
  op.stream = seed(a, "stream");
  op.size = a['M'];
}

}  // namespace

void read(Arguments &a, RandomNormal &op) {
  read_random(a, op, "M..");
  op.mean = a.number("mean", -kLargest, kLargest);
  op.std = a.number("std", 0, kLargest);
}

void read(Arguments &a, RandomUniform &op) {
  read_random(a, op, "M..");
  op.low = a.number("low", -kLargest, kLargest);
  op.high = a.number("high", op.low, kLargest);
}

void read(Arguments &a, RandomPermutation &op) {
  read_random(a, op, "M");
  if (op.size > kMaxInt32) a.wrong_range("y", "at most 2147483647 elements", std::to_string(op.size));
  a.promise("y", {0, op.size - 1});
}

}  // namespace distill
