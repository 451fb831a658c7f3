// What a method of the addon throws on a wrong argument; becomes the JavaScript error of that name.
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
