// Reads and checks the arguments of one call. Everything that a kernel trusts is checked here, in one sentence form:
//   conv2d_forward: weight: expected f32 [O,C,R,S] with C=3, got f32 [16,4,3,3]
//
// The shape of a tensor is given as a pattern of extents separated by spaces. A letter is bound to the first extent that it matches, and
// must match that extent from then on. An extent may be a product ("3AE") or a number. A first extent with two dots ("M.. I") matches all
// leading dimensions, flattened.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "addon/tensors.h"
#include "floats.h"

namespace distill {

// A copy of a JavaScript value, taken at once: reading the original later could run JavaScript that changes what was checked.
struct Value {
  enum class Kind { absent, boolean, number, text, list, other };
  Kind kind = Kind::absent;
  bool boolean = false;
  double number = 0;
  std::string text;  // its first characters, more than any choice has
  std::vector<Value> list;
  std::string description;  // of a value of kind `other`: "a symbol"

  static Value of(bool boolean);
  static Value of(double number);
  static Value of(std::string text);
  static Value other(std::string description);
  std::string describe() const;
};

struct Argument {
  std::string name;
  Value value;
  bool read = false;
};

class Arguments {
 public:
  Arguments(const char *op, std::vector<Argument> given, TensorTable &tensors);

  template <class T>
  T *tensor(const char *name, const char *pattern) {
    return static_cast<T *>(matched(name, dtype_of<T>(), pattern, !std::is_const_v<T>));
  }
  // Null if the argument is null or left out.
  template <class T>
  T *optional_tensor(const char *name, const char *pattern) {
    return given(name) ? tensor<T>(name, pattern) : nullptr;
  }
  // Activations, fp32 or bf16.
  Floats floats(const char *name, const char *pattern) { return matched_floats(name, pattern, false); }
  FloatsOut floats_out(const char *name, const char *pattern) { return matched_floats(name, pattern, true); }
  Floats optional_floats(const char *name, const char *pattern) { return given(name) ? floats(name, pattern) : Floats{}; }
  FloatsOut optional_floats_out(const char *name, const char *pattern) { return given(name) ? floats_out(name, pattern) : FloatsOut{}; }
  // Those of `names` that are given must be stored like `like`.
  void stored_like(const char *like, std::initializer_list<const char *> names) const;
  const Tensor &any_tensor(const char *name);
  std::vector<const Tensor *> tensor_list(const char *name, DType dtype, bool written);
  std::vector<bool> flag_list(const char *name);
  void same_sizes(const char *name, const std::vector<const Tensor *> &list, const char *reference_name,
                  const std::vector<const Tensor *> &reference) const;
  void same_length(const char *name, size_t length, const char *reference_name, size_t reference) const;

  // Bounds are inclusive and checked after rounding to the requested type. NaN and infinities are errors.
  int64_t integer(const char *name, int64_t low, int64_t high);
  template <class Number = float>
  Number number(const char *name, std::type_identity_t<Number> low, std::type_identity_t<Number> high);
  void numbers(const char *name, float low, float high, float (&values)[3]);
  float any_number(const char *name);  // including NaN and infinities
  bool flag(const char *name);
  bool optional_flag(const char *name) { return given(name) && flag(name); }
  // The position of a text in `choices`. `other`: what else the argument may be, for the error.
  int choice(const char *name, std::initializer_list<const char *> choices, const std::string &other = "");
  bool is_text(const char *name);

  Device &device() const { return tensors_.device(); }
  TensorTable &tensors() const { return tensors_; }

  // The extent that is bound to a letter.
  int64_t operator[](char letter) const { return extents_[index(letter)]; }
  void bind(char letter, int64_t extent) { extents_[index(letter)] = extent; }

  // Checks that every value of a tensor that was read before is in [0, count).
  void check_indices(const char *name, int64_t count);
  // Declares the range of the values that the op will write to a tensor, so that nobody has to read them from the device.
  void promise(const char *name, Range range);
  // Must be called when the op is done.
  void keep_promises() const;

  // Keeps what the op points to as long as these arguments.
  template <class T>
  const T &keep(T value) {
    const auto kept = std::make_shared<const T>(std::move(value));
    kept_.push_back(kept);
    return *kept;
  }

  // Allows a pair to share memory. All other outputs (tensor<T> with a non-const T) must have memory of their own.
  void may_share(const char *written, const char *other) { shared_.push_back({written, other}); }

  // Must be called last. An argument that was not read is an error, and so is shared memory that was not allowed.
  void finish() const;

  [[noreturn]] void wrong_type(const std::string &name, const std::string &expected, const std::string &got) const;
  [[noreturn]] void wrong_range(const std::string &name, const std::string &expected, const std::string &got) const;

 private:
  using Extents = std::array<int64_t, 26>;  // 0: unbound

  struct Use {
    const void *memory;
    DType dtype;
    const char *name;
    bool written;
    std::string element;  // the position in a list: "[3]"
  };
  struct Shared {
    std::string_view written, other;
  };

  template <class T>
  static constexpr DType dtype_of() {
    using Element = std::remove_const_t<T>;
    if constexpr (std::is_same_v<Element, float>) return DType::f32;
    if constexpr (std::is_same_v<Element, int32_t>) return DType::i32;
    if constexpr (std::is_same_v<Element, uint8_t>) return DType::u8;
  }
  static size_t index(char letter) { return static_cast<size_t>(letter - 'A'); }

  Argument *find(const char *name);
  bool given(const char *name);
  const Value &required(const char *name, Value::Kind kind, const char *expected);
  const Tensor &resolve(const std::string &name, const Value &value, const std::string &expected) const;
  void *matched(const char *name, DType dtype, std::string_view pattern, bool written);
  FloatsOut matched_floats(const char *name, std::string_view pattern, bool written);
  const Tensor &matched(const char *name, std::initializer_list<DType> dtypes, std::string_view pattern, bool written);
  const Use *use_of(std::string_view name) const;
  bool match(const Tensor &tensor, std::string_view pattern);
  void check_own_memory() const;
  bool conflict(const Use &a, const Use &b) const;
  std::string describe_pattern(std::initializer_list<DType> dtypes, std::string_view pattern) const;
  double finite(const std::string &name, const Value &value, const std::string &expected) const;
  template <class Number>
  Number within(const std::string &name, const Value &value, Number low, Number high) const;

  const char *op_;
  std::vector<Argument> given_;
  std::vector<std::string> known_;
  std::vector<Use> uses_;
  std::vector<Shared> shared_;
  std::vector<std::pair<SharedRange, Range>> promises_;
  std::vector<std::shared_ptr<const void>> kept_;
  TensorTable &tensors_;
  Extents extents_{};
};

// Describes a number that should be a tensor handle but is not: "7, which is released".
std::string describe_missing_tensor(const TensorTable &tensors, double handle);
std::string describe_number(double number);
std::string shortened(const std::string &text);

// The tensor of a handle, or null.
const Tensor *find_tensor(const TensorTable &tensors, double handle);

}  // namespace distill
