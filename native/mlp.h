// The MLP as its two linear layers, one after the other, for backends that keep nothing between them.
#pragma once

#include "ops.h"

namespace distill {
namespace {

template <void (*linear_forward)(const LinearForward &)>
inline void in_turn(const MlpForward &op) {
  linear_forward(op.first);
  linear_forward(op.second);
}

template <void (*linear_backward_input)(const LinearBackwardInput &)>
inline void in_turn(const MlpBackwardInput &op) {
  linear_backward_input(op.second);
  linear_backward_input(op.first);
}

}  // namespace
}  // namespace distill
