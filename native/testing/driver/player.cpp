#include "testing/driver/player.h"

#include <stdexcept>
#include <utility>

#include "addon/bindings.h"
#include "testing/driver/values.h"

namespace distill::driver {

namespace {

using OpCall = void (*)(const Ops &, Arguments &);

OpCall op_call(const std::string &name) {
  static const auto calls = [] {
    std::map<std::string, OpCall> by_name;
    for (const OpMethod &method : op_methods()) by_name[method.name] = method.call;
    return by_name;
  }();
  return calls.at(name);
}

DType dtype_of(const std::string &name) {
  for (const DType dtype : {DType::f32, DType::bf16, DType::i32, DType::u8})
    if (name == dtype_name(dtype)) return dtype;
  throw std::runtime_error("no type: " + name);
}

// The shape in the i-th word; if there is none, that of a single number.
Shape shape_in(const std::vector<std::string> &words, size_t i) { return i < words.size() ? shape_of(words[i]) : Shape{}; }

// The words from the i-th on.
std::string text_in(const std::vector<std::string> &words, size_t i) {
  std::string text;
  for (; i < words.size(); i++) text += (text.empty() ? "" : " ") + words[i];
  return text;
}

}  // namespace

Player::Player(Device &device, Replay replay) : records_(replay == Replay::recorded && device.can_record()) {
  tensors_.pool().move_to(device);
}

Player::~Player() {
  if (!tensors_.pool().is_setting_aside()) return;
  try {
    end_recording(tensors_);
  } catch (const std::exception &) {  // what went wrong is known
  }
}

void Player::play(const CallLine &line) {
  if (takes_arguments(line.method)) {
    if (!keeping_) return make(line);
    kept_.push_back(&line);
    return;
  }
  static const std::map<std::string, void (Player::*)(const Words &)> methods = {
      {"alloc", &Player::alloc},           {"view", &Player::view},
      {"release", &Player::release},       {"write", &Player::write_values},
      {"numbers", &Player::write_numbers}, {"read", &Player::read},
      {"read_later", &Player::read_later}, {"take_read", &Player::take_read},
      {"begin_recording", &Player::begin}, {"end_recording", &Player::end},
      {"replay", &Player::replay},         {"release_recording", &Player::release_recording},
      {"compare", &Player::compare},
  };
  const auto method = methods.find(line.method);
  if (method == methods.end()) throw std::runtime_error("no call: " + line.method);
  (this->*method->second)(line.words);
}

// ---- Tensors

void Player::alloc(const Words &words) {
  const Shape shape = shape_in(words, 2);
  add(words[0], tensors_.add(dtype_of(words[1]), shape, product(shape)));
}

void Player::view(const Words &words) { add(words[0], tensors_.add_view(tensor(words[1]), shape_in(words, 2))); }

void Player::add(const std::string &word, int64_t handle) {
  handles_[tensor_number(word)] = handle;
  if (keeping_) kept_tensors_.insert(handle);
}

void Player::release(const Words &words) {
  const int64_t handle = handle_of(tensor_number(words[0]));
  if (kept_tensors_.count(handle) == 0) tensors_.release(handle);
}

int64_t Player::handle_of(int64_t number) const {
  const auto found = handles_.find(number);
  if (found == handles_.end()) throw std::runtime_error("no tensor #" + std::to_string(number));
  return found->second;
}

// ---- Content

void Player::write_values(const Words &words) {
  std::vector<float> values;
  for (size_t i = 1; i < words.size(); i++) values.push_back(std::stof(words[i]));
  store(tensor(words[0]), values);
}

void Player::write_numbers(const Words &words) {
  const Tensor &to = tensor(words[0]);
  const std::string name = words.size() > 4 ? text_in(words, 4) : words[0];
  store(to, numbers(name, to.size, std::stod(words[1]), std::stod(words[2]), static_cast<uint32_t>(std::stoul(words[3]))));
}

void Player::store(const Tensor &to, const std::vector<float> &values) {
  if (static_cast<int64_t>(values.size()) != to.size) throw std::runtime_error("expected values for " + to.describe());
  write(device(), to, stored_as(dtype_name(to.dtype), values).data());
}

void Player::read(const Words &words) {
  const Tensor &from = tensor(words[0]);
  std::vector<uint8_t> bytes(static_cast<size_t>(from.bytes()));
  device().read(bytes.data(), from.block.get(), from.bytes());
  add_content(text_in(words, 1), from.dtype, from.size, bytes);
}

void Player::read_later(const Words &words) {
  const Tensor &from = tensor(words[1]);
  reads_[words[0]] = {from.dtype, from.size, device().read_later(from.block.get(), from.bytes())};
}

void Player::take_read(const Words &words) {
  const Pending pending = std::move(reads_.extract(words[0]).mapped());
  std::vector<uint8_t> bytes(static_cast<size_t>(pending.size * dtype_bytes(pending.dtype)));
  pending.read->take(bytes.data());
  add_content("", pending.dtype, pending.size, bytes);
}

void Player::add_content(const std::string &name, DType dtype, int64_t size, const std::vector<uint8_t> &bytes) {
  if (tolerance_ < 0) return;
  const std::string number = "read " + std::to_string(contents_.size() + 1);
  contents_.push_back({name.empty() ? number : name, loaded_from(dtype_name(dtype), bytes, size), tolerance_, compared_});
}

void Player::compare(const Words &words) {
  tolerance_ = std::stod(words[0]);
  compared_ = std::stoul(words[1]);
}

// ---- Ops

void Player::make(const CallLine &line) {
  std::vector<Argument> arguments;
  for (const CallLine::Given &given : line.arguments) arguments.push_back({given.name, with_handles(given)});
  Arguments a(line.method.c_str(), std::move(arguments), tensors_);
  if (line.method == "copy") return copy(a);
  if (line.method == "fill") return fill(a);
  op_call(line.method)(device().ops(), a);
  device().check();
  a.keep_promises();
}

Value Player::with_handles(const CallLine::Given &given) const {
  Value value = given.value;
  if (!given.is_tensor) return value;
  const auto handle = [&](double number) { return static_cast<double>(handle_of(static_cast<int64_t>(number))); };
  value.number = value.kind == Value::Kind::number ? handle(value.number) : 0;
  for (Value &element : value.list) element.number = handle(element.number);
  return value;
}

void Player::begin(const Words &) {
  if (records_) return begin_recording(tensors_);
  keeping_ = true;
}

void Player::end(const Words &words) {
  keeping_ = false;
  if (records_)
    recordings_[words[0]] = end_recording(tensors_);
  else
    kept_recordings_[words[0]] = std::exchange(kept_, {});
}

void Player::replay(const Words &words) {
  if (records_) return recordings_.at(words[0]).replay();
  for (const CallLine *line : kept_recordings_.at(words[0])) make(*line);
}

}  // namespace distill::driver
