// Thrown by a method of the addon on a wrong argument; become a JavaScript TypeError and RangeError.
#pragma once

#include <stdexcept>

namespace distill {

struct WrongType : std::runtime_error {
  using std::runtime_error::runtime_error;
};
struct WrongRange : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace distill
