// How each op of ops.h reads its arguments: names, shapes and ranges.
#pragma once

#include <vector>

#include "addon/arguments.h"
#include "ops.h"

namespace distill {

struct OpMethod {
  const char *name;  // as in DISTILL_OPS
  void (*call)(const Ops &ops, Arguments &arguments);
};

const std::vector<OpMethod> &op_methods();

}  // namespace distill
