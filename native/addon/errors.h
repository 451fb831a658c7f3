// What the addon's own methods throw.
#pragma once

#include <stdexcept>

namespace distill {

// On a wrong argument; become a JavaScript TypeError and RangeError.
struct WrongType : std::runtime_error {
  using std::runtime_error::runtime_error;
};
struct WrongRange : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// An op was cut short because the flag of `stopOn` was set.
struct Stopped : std::runtime_error {
  Stopped() : std::runtime_error("stopped on request") {}
};

}  // namespace distill
