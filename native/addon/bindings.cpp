#include "addon/bindings.h"

#include "addon/bindings/read.h"

namespace distill {

namespace {

// Reads and checks the arguments and calls the op.
template <class Op>
void call(void (*kernel)(const Op &), Arguments &a) {
  Op op{};
  read(a, op);
  a.finish();
  kernel(op);
}

}  // namespace

const std::vector<OpMethod> &op_methods() {
#define DISTILL_METHOD(name, Op) {#name, [](const Ops &ops, Arguments &a) { call<Op>(ops.name, a); }},
  static const std::vector<OpMethod> methods = {DISTILL_OPS(DISTILL_METHOD)};
#undef DISTILL_METHOD
  return methods;
}

}  // namespace distill
