#include "addon/arguments.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>

#include "addon/errors.h"

namespace distill {

namespace {

constexpr double kMaxSafeInteger = 9007199254740992;  // 2^53

bool is_letter(char c) { return c >= 'A' && c <= 'Z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::vector<std::string_view> split(std::string_view pattern) {
  std::vector<std::string_view> parts;
  while (!pattern.empty()) {
    const size_t end = std::min(pattern.find(' '), pattern.size());
    parts.push_back(pattern.substr(0, end));
    pattern.remove_prefix(std::min(end + 1, pattern.size()));
  }
  return parts;
}

bool takes_leading(std::string_view part) { return part.ends_with(".."); }

}  // namespace

std::string shortened(const std::string &text) { return text.size() <= 40 ? text : text.substr(0, 40) + "..."; }

std::string describe_number(double number) {
  if (std::isnan(number)) return "NaN";
  if (std::isinf(number)) return number > 0 ? "Infinity" : "-Infinity";
  char text[32];
  return std::string(text, std::to_chars(text, text + sizeof(text), number).ptr);
}

Value Value::of(bool boolean) {
  Value value;
  value.kind = Kind::boolean;
  value.boolean = boolean;
  return value;
}

Value Value::of(double number) {
  Value value;
  value.kind = Kind::number;
  value.number = number;
  return value;
}

Value Value::of(std::string text) {
  Value value;
  value.kind = Kind::text;
  value.text = std::move(text);
  return value;
}

Value Value::other(std::string description) {
  Value value;
  value.kind = Kind::other;
  value.description = std::move(description);
  return value;
}

std::string Value::describe() const {
  switch (kind) {
    case Kind::absent:
      return "nothing";
    case Kind::boolean:
      return boolean ? "true" : "false";
    case Kind::number:
      return describe_number(number);
    case Kind::text:
      return '"' + shortened(text) + '"';
    case Kind::list:
      return "a list of " + std::to_string(list.size());
    case Kind::other:
      return description;
  }
  return description;
}

const Tensor *find_tensor(const TensorTable &tensors, double handle) {
  const bool could_be = handle >= 1 && handle < static_cast<double>(tensors.next_handle()) && handle == std::floor(handle);
  return could_be ? tensors.find(static_cast<int64_t>(handle)) : nullptr;
}

std::string describe_missing_tensor(const TensorTable &tensors, double handle) {
  const bool was = handle >= 1 && handle < static_cast<double>(tensors.next_handle()) && handle == std::floor(handle);
  return describe_number(handle) + (was ? ", which is released" : ", which names no tensor");
}

Arguments::Arguments(const char *op, std::vector<Argument> given, TensorTable &tensors)
    : op_(op), given_(std::move(given)), tensors_(tensors) {}

void Arguments::wrong_type(const std::string &name, const std::string &expected, const std::string &got) const {
  throw WrongType(std::string(op_) + ": " + name + ": expected " + expected + ", got " + got);
}

void Arguments::wrong_range(const std::string &name, const std::string &expected, const std::string &got) const {
  throw WrongRange(std::string(op_) + ": " + name + ": expected " + expected + ", got " + got);
}

Argument *Arguments::find(const char *name) {
  for (Argument &argument : given_)
    if (argument.name == name) return &argument;
  return nullptr;
}

bool Arguments::given(const char *name) {
  Argument *argument = find(name);
  if (argument && argument->value.kind != Value::Kind::absent) return true;
  if (argument) argument->read = true;
  known_.push_back(name);
  return false;
}

const Value &Arguments::required(const char *name, Value::Kind kind, const char *expected) {
  known_.push_back(name);
  static const Value kAbsent;
  Argument *argument = find(name);
  if (argument) argument->read = true;
  const Value &value = argument ? argument->value : kAbsent;
  if (value.kind != kind) wrong_type(name, expected, value.describe());
  return value;
}

void Arguments::finish() const {
  for (const Argument &argument : given_) {
    if (argument.read) continue;
    std::string known;
    for (const std::string &name : known_) known += (known.empty() ? "" : ", ") + name;
    throw WrongType(std::string(op_) + ": " + shortened(argument.name) + ": no such argument, expected " + known);
  }
  check_own_memory();
}

// ---- Tensors ----------------------------------------------------------------------------------------------------------------------

const Tensor &Arguments::resolve(const std::string &name, const Value &value, const std::string &expected) const {
  if (value.kind != Value::Kind::number) wrong_type(name, expected, value.describe());
  const Tensor *tensor = find_tensor(tensors_, value.number);
  if (!tensor) wrong_range(name, expected, describe_missing_tensor(tensors_, value.number));
  return *tensor;
}

const Tensor &Arguments::matched(const char *name, std::initializer_list<DType> dtypes, std::string_view pattern, bool written) {
  const Value &value = required(name, Value::Kind::number, "a tensor handle");
  const Tensor &tensor = resolve(name, value, "a tensor handle");
  if (std::ranges::find(dtypes, tensor.dtype) == dtypes.end()) wrong_type(name, describe_pattern(dtypes, pattern), tensor.describe());
  if (!match(tensor, pattern)) wrong_range(name, describe_pattern(dtypes, pattern), tensor.describe());
  uses_.push_back({tensor.block.get(), tensor.dtype, name, written, ""});
  tensors_.use(tensor);
  if (written) tensors_.set_range(tensor.range, std::nullopt);
  return tensor;
}

void *Arguments::matched(const char *name, DType dtype, std::string_view pattern, bool written) {
  return matched(name, {dtype}, pattern, written).block.get();
}

FloatsOut Arguments::matched_floats(const char *name, std::string_view pattern, bool written) {
  const Tensor &tensor = matched(name, {DType::f32, DType::bf16}, pattern, written);
  return {tensor.block.get(), tensor.dtype == DType::f32 ? Storage::f32 : Storage::bf16};
}

const Arguments::Use *Arguments::use_of(std::string_view name) const {
  const auto use = std::ranges::find(uses_, name, [](const Use &use) { return std::string_view(use.name); });
  return use == uses_.end() ? nullptr : &*use;
}

void Arguments::stored_like(const char *like, std::initializer_list<const char *> names) const {
  const DType expected = use_of(like)->dtype;
  for (const char *name : names) {
    const Use *use = use_of(name);
    if (use && use->dtype != expected) wrong_type(name, std::string(dtype_name(expected)) + " like " + like, dtype_name(use->dtype));
  }
}

bool Arguments::match(const Tensor &tensor, std::string_view pattern) {
  const std::vector<std::string_view> parts = split(pattern);
  const bool leading = takes_leading(parts.front());
  const size_t rank = tensor.shape.size();
  if (leading ? rank + 1 < parts.size() : rank != parts.size()) return false;

  Extents extents = extents_;
  for (size_t i = 0; i < parts.size(); ++i) {
    int64_t extent = 1;
    if (leading && i == 0)
      for (size_t d = 0; d + parts.size() <= rank; ++d) extent *= tensor.shape[d];
    else
      extent = tensor.shape[rank - parts.size() + i];

    int64_t factor = 1;
    int64_t coefficient = 0;
    int64_t *open = nullptr;
    for (const char c : parts[i]) {
      if (is_digit(c)) coefficient = 10 * coefficient + (c - '0');
      if (!is_letter(c)) continue;
      int64_t &bound = extents[index(c)];
      if (bound)
        factor *= bound;
      else
        open = &bound;
    }
    if (coefficient) factor *= coefficient;
    if (open ? extent % factor != 0 : extent != factor) return false;
    if (open) *open = extent / factor;
  }
  extents_ = extents;
  return true;
}

std::string Arguments::describe_pattern(std::initializer_list<DType> dtypes, std::string_view pattern) const {
  std::string types, shape, bound;
  for (const DType dtype : dtypes) types += (types.empty() ? "" : " or ") + std::string(dtype_name(dtype));
  for (const std::string_view part : split(pattern)) shape += (shape.empty() ? "" : ",") + std::string(part);
  for (const char c : pattern) {
    if (!is_letter(c) || !(*this)[c]) continue;
    const std::string text = std::string(1, c) + "=" + std::to_string((*this)[c]);
    if (bound.find(text) == std::string::npos) bound += (bound.empty() ? " with " : ", ") + text;
  }
  return types + " [" + shape + "]" + bound;
}

const Tensor &Arguments::any_tensor(const char *name) {
  const Tensor &tensor = resolve(name, required(name, Value::Kind::number, "a tensor handle"), "a tensor handle");
  tensors_.use(tensor);
  return tensor;
}

std::vector<const Tensor *> Arguments::tensor_list(const char *name, DType dtype, bool written) {
  std::vector<const Tensor *> tensors;
  const std::string expected = std::string("a handle of a tensor of ") + dtype_name(dtype);
  for (const Value &value : required(name, Value::Kind::list, "a list of tensor handles").list) {
    const std::string position = "[" + std::to_string(tensors.size()) + "]", element = name + position;
    const Tensor &tensor = resolve(element, value, expected);
    if (tensor.dtype != dtype) wrong_type(element, expected, tensor.describe());
    uses_.push_back({tensor.block.get(), tensor.dtype, name, written, position});
    tensors_.use(tensor);
    tensors.push_back(&tensor);
  }
  return tensors;
}

bool Arguments::conflict(const Use &a, const Use &b) const {
  const auto allowed = [](const Use &written, const Use &other) {
    return [&](const Shared &pair) { return pair.written == written.name && pair.other == other.name; };
  };
  return (a.written && std::ranges::none_of(shared_, allowed(a, b))) || (b.written && std::ranges::none_of(shared_, allowed(b, a)));
}

void Arguments::check_own_memory() const {
  std::vector<Use> uses = uses_;
  std::ranges::stable_sort(uses, std::less<>(), &Use::memory);
  for (auto a = uses.begin(); a != uses.end(); ++a) {
    for (auto b = a + 1; b != uses.end() && b->memory == a->memory; ++b) {
      if (!conflict(*a, *b)) continue;
      const Use &written = a->written ? *a : *b, &other = a->written ? *b : *a;
      wrong_range(written.name + written.element, "memory of its own", "that of " + (other.name + other.element));
    }
  }
}

void Arguments::same_length(const char *name, size_t length, const char *reference_name, size_t reference) const {
  if (length == reference) return;
  wrong_range(name, "a list of " + std::to_string(reference) + " like " + reference_name, "a list of " + std::to_string(length));
}

void Arguments::same_sizes(const char *name, const std::vector<const Tensor *> &list, const char *reference_name,
                           const std::vector<const Tensor *> &reference) const {
  same_length(name, list.size(), reference_name, reference.size());
  for (size_t i = 0; i < list.size(); ++i) {
    if (list[i]->size == reference[i]->size) continue;
    const std::string at = "[" + std::to_string(i) + "]";
    wrong_range(name + at, "the size of " + (reference_name + at) + ", " + reference[i]->describe(), list[i]->describe());
  }
}

void Arguments::check_indices(const char *name, int64_t count) {
  const Tensor &tensor = any_tensor(name);
  const std::optional<Range> &known = *tensor.range;
  if (known && known->within(count) && (tensors_.is_recording() || !known->once_replayed)) {
    tensors_.expect_range(tensor, count, name + std::string(" of ") + op_);
    return;
  }
  const HostCopy copy(tensors_.device(), tensor.block.get(), tensor.bytes());
  const auto *values = static_cast<const int32_t *>(copy.data());
  *tensor.range = range_of(values, tensor.size);
  for (int64_t i = 0; i < tensor.size; ++i) {
    if (values[i] >= 0 && values[i] < count) continue;
    wrong_range(name, "values from 0 to " + std::to_string(count - 1), std::to_string(values[i]) + " at position " + std::to_string(i));
  }
}

void Arguments::promise(const char *name, Range range) { promises_.emplace_back(any_tensor(name).range, range); }

void Arguments::keep_promises() const {
  for (const auto &[range, promised] : promises_) tensors_.set_range(range, promised);
}

// ---- Numbers, flags and choices ---------------------------------------------------------------------------------------------------

double Arguments::finite(const std::string &name, const Value &value, const std::string &expected) const {
  if (value.kind != Value::Kind::number) wrong_type(name, expected, value.describe());
  if (!std::isfinite(value.number)) wrong_range(name, expected, value.describe());
  return value.number;
}

int64_t Arguments::integer(const char *name, int64_t low, int64_t high) {
  const std::string expected = "an integer from " + std::to_string(low) + " to " + std::to_string(high);
  const double number = finite(name, required(name, Value::Kind::number, expected.c_str()), expected);
  const bool whole = number == std::floor(number) && std::abs(number) <= kMaxSafeInteger;
  if (!whole || number < static_cast<double>(low) || number > static_cast<double>(high))
    wrong_range(name, expected, describe_number(number));
  return static_cast<int64_t>(number);
}

template <class Number>
Number Arguments::within(const std::string &name, const Value &value, Number low, Number high) const {
  const std::string expected = "a number from " + describe_number(low) + " to " + describe_number(high);
  const auto number = static_cast<Number>(finite(name, value, expected));
  if (!(number >= low && number <= high)) wrong_range(name, expected, value.describe());
  return number;
}

template <class Number>
Number Arguments::number(const char *name, std::type_identity_t<Number> low, std::type_identity_t<Number> high) {
  return within<Number>(name, required(name, Value::Kind::number, "a number"), low, high);
}
template float Arguments::number<float>(const char *, float, float);
template double Arguments::number<double>(const char *, double, double);

float Arguments::any_number(const char *name) { return static_cast<float>(required(name, Value::Kind::number, "a number").number); }

void Arguments::numbers(const char *name, float low, float high, float (&values)[3]) {
  const std::vector<Value> &list = required(name, Value::Kind::list, "a list of 3 numbers").list;
  if (list.size() != 3) wrong_range(name, "a list of 3 numbers", "a list of " + std::to_string(list.size()));
  for (size_t i = 0; i < 3; ++i) values[i] = within(std::string(name) + "[" + std::to_string(i) + "]", list[i], low, high);
}

bool Arguments::flag(const char *name) { return required(name, Value::Kind::boolean, "true or false").boolean; }

bool Arguments::is_text(const char *name) {
  const Argument *argument = find(name);
  return argument && argument->value.kind == Value::Kind::text;
}

int Arguments::choice(const char *name, std::initializer_list<const char *> choices, const std::string &other) {
  std::string expected;
  for (const char *choice : choices) expected += (expected.empty() ? "\"" : ", \"") + std::string(choice) + '"';
  expected += other;
  const std::string &text = required(name, Value::Kind::text, expected.c_str()).text;
  const auto *const found = std::ranges::find(choices, text);
  if (found == choices.end()) wrong_range(name, expected, Value::of(text).describe());
  return static_cast<int>(found - choices.begin());
}

std::vector<bool> Arguments::flag_list(const char *name) {
  std::vector<bool> flags;
  for (const Value &value : required(name, Value::Kind::list, "a list of true or false").list) {
    if (value.kind != Value::Kind::boolean)
      wrong_type(std::string(name) + "[" + std::to_string(flags.size()) + "]", "true or false", value.describe());
    flags.push_back(value.boolean);
  }
  return flags;
}

}  // namespace distill
