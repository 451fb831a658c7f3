#include "cuda/bench/calls.h"

#include <map>
#include <set>
#include <sstream>
#include <stdexcept>

#include "addon/bindings.h"
#include "cuda/bench/values.h"

namespace distill::bench {

namespace {

const std::map<std::string, void (*)(const Ops &, Arguments &)> &op_calls() {
  static const auto calls = [] {
    std::map<std::string, void (*)(const Ops &, Arguments &)> by_name;
    for (const OpMethod &method : op_methods()) by_name[method.name] = method.call;
    return by_name;
  }();
  return calls;
}

bool takes_arguments(const std::string &method) { return method == "copy" || method == "fill" || op_calls().count(method) > 0; }

// "#3" -> 3
int64_t tensor_number(const std::string &text) {
  if (text.empty() || text[0] != '#') throw std::runtime_error("expected a tensor, got " + text);
  return std::stoll(text.substr(1));
}

Value value_of(const std::string &text) {
  if (text == "null") return {};
  if (text == "true" || text == "false") return Value::of(text == "true");
  return Value::of(text[0] == '#' ? static_cast<double>(tensor_number(text)) : std::stod(text));
}

// NAME=VALUE or NAME=VALUE,VALUE,
CallLine::Given given(const std::string &text) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals + 1 == text.size()) throw std::runtime_error("expected NAME=VALUE, got " + text);
  CallLine::Given argument{text.substr(0, equals), {}, text[equals + 1] == '#'};
  if (text.back() != ',') {
    argument.value = value_of(text.substr(equals + 1));
    return argument;
  }
  argument.value.kind = Value::Kind::list;
  std::istringstream elements(text.substr(equals + 1));
  for (std::string element; std::getline(elements, element, ',');) argument.value.list.push_back(value_of(element));
  return argument;
}

CallLine call_line(const std::string &text) {
  std::istringstream words(text);
  CallLine line;
  words >> line.method;
  for (std::string word; words >> word;)
    if (takes_arguments(line.method))
      line.arguments.push_back(given(word));
    else
      line.words.push_back(word);
  return line;
}

// Makes the calls on one device, where all of its tensors live.
class Player {
 public:
  explicit Player(Device &device) { tensors_.pool().move_to(device); }

  void play(const std::vector<CallLine> &lines) {
    for (const CallLine &line : lines) play(line);
  }

  struct Content {
    std::vector<float> values;
    double tolerance;
    size_t count;
  };
  std::vector<Content> contents;  // that were read
  int64_t peak_bytes() { return tensors_.pool().peak(); }

 private:
  using Method = void (Player::*)(const std::vector<std::string> &);

  void play(const CallLine &line) {
    if (takes_arguments(line.method)) return make_or_keep(line);
    static const std::map<std::string, Method> methods = {
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

  void alloc(const std::vector<std::string> &words) {
    const std::vector<int64_t> shape = shape_of(words, 2);
    add(words[0], tensors_.add(dtype_of(words[1]), shape, product(shape)));
  }
  void view(const std::vector<std::string> &words) { add(words[0], tensors_.add_view(tensor(words[1]), shape_of(words, 2))); }
  void add(const std::string &word, int64_t handle) {
    handles_[tensor_number(word)] = handle;
    if (keeping_) kept_tensors_.insert(handle);
  }
  void release(const std::vector<std::string> &words) {
    const int64_t handle = handle_of(tensor_number(words[0]));
    if (kept_tensors_.count(handle) == 0) tensors_.release(handle);
  }

  static DType dtype_of(const std::string &name) {
    for (const DType dtype : {DType::f32, DType::bf16, DType::i32, DType::u8})
      if (name == dtype_name(dtype)) return dtype;
    throw std::runtime_error("no type: " + name);
  }
  static std::vector<int64_t> shape_of(const std::vector<std::string> &words, size_t i) {
    return i < words.size() ? bench::shape_of(words[i]) : std::vector<int64_t>{};
  }
  int64_t handle_of(int64_t number) const {
    const auto found = handles_.find(number);
    if (found == handles_.end()) throw std::runtime_error("no tensor #" + std::to_string(number));
    return found->second;
  }
  const Tensor &tensor(const std::string &word) const { return *tensors_.find(handle_of(tensor_number(word))); }
  Device &device() const { return tensors_.device(); }

  // ---- Content

  void write_values(const std::vector<std::string> &words) {
    std::vector<float> values;
    for (size_t i = 1; i < words.size(); i++) values.push_back(std::stof(words[i]));
    store(tensor(words[0]), values);
  }
  void write_numbers(const std::vector<std::string> &words) {
    const Tensor &to = tensor(words[0]);
    store(to, numbers(words[0], to.size, std::stod(words[1]), std::stod(words[2]), static_cast<uint32_t>(std::stoul(words[3]))));
  }
  void store(const Tensor &to, const std::vector<float> &values) {
    if (static_cast<int64_t>(values.size()) != to.size) throw std::runtime_error("expected values for " + to.describe());
    write(device(), to, stored_as(dtype_name(to.dtype), values).data());
  }

  void read(const std::vector<std::string> &words) {
    const Tensor &from = tensor(words[0]);
    std::vector<uint8_t> bytes(static_cast<size_t>(from.bytes()));
    device().read(bytes.data(), from.block.get(), from.bytes());
    note_content(from.dtype, from.size, bytes);
  }
  void read_later(const std::vector<std::string> &words) {
    const Tensor &from = tensor(words[1]);
    reads_[words[0]] = {from.dtype, from.size, device().read_later(from.block.get(), from.bytes())};
  }
  void take_read(const std::vector<std::string> &words) {
    const Pending pending = std::move(reads_.extract(words[0]).mapped());
    std::vector<uint8_t> bytes(static_cast<size_t>(pending.size * dtype_bytes(pending.dtype)));
    pending.read->take(bytes.data());
    note_content(pending.dtype, pending.size, bytes);
  }
  void note_content(DType dtype, int64_t size, const std::vector<uint8_t> &bytes) {
    if (tolerance_ >= 0) contents.push_back({loaded_from(dtype_name(dtype), bytes, size), tolerance_, compared_});
  }
  void compare(const std::vector<std::string> &words) {
    tolerance_ = std::stod(words[0]);
    compared_ = std::stoul(words[1]);
  }

  // ---- Ops. The processor does not record: there what is between begin and end is kept, tensors too, and made at each replay.

  void make_or_keep(const CallLine &line) {
    if (keeping_)
      kept_.push_back(&line);
    else
      make(line);
  }
  void make(const CallLine &line) {
    std::vector<Argument> arguments;
    for (const CallLine::Given &given : line.arguments) arguments.push_back({given.name, with_handles(given)});
    Arguments a(line.method.c_str(), std::move(arguments), tensors_);
    if (line.method == "copy") return copy(a);
    if (line.method == "fill") return fill(a);
    op_calls().at(line.method)(device().ops(), a);
    device().check();
    a.keep_promises();
  }
  Value with_handles(const CallLine::Given &given) const {
    Value value = given.value;
    if (!given.is_tensor) return value;
    const auto handle = [&](double number) { return static_cast<double>(handle_of(static_cast<int64_t>(number))); };
    value.number = value.kind == Value::Kind::number ? handle(value.number) : 0;
    for (Value &element : value.list) element.number = handle(element.number);
    return value;
  }

  void begin(const std::vector<std::string> &) {
    if (device().can_record())
      begin_recording(tensors_);
    else
      keeping_ = true;
  }
  void end(const std::vector<std::string> &words) {
    if (device().can_record())
      recordings_[words[0]] = end_recording(tensors_);
    else
      kept_recordings_[words[0]] = std::exchange(kept_, {});
    keeping_ = false;
  }
  void replay(const std::vector<std::string> &words) {
    if (device().can_record()) return recordings_.at(words[0]).work->replay();
    for (const CallLine *line : kept_recordings_.at(words[0])) make(*line);
  }
  void release_recording(const std::vector<std::string> &words) { recordings_.erase(words[0]); }

  struct Pending {
    DType dtype;
    int64_t size;
    std::unique_ptr<PendingRead> read;
  };

  TensorTable tensors_;
  std::map<int64_t, int64_t> handles_;  // of the tensors that the file numbers
  std::map<std::string, Pending> reads_;
  std::map<std::string, TensorRecording> recordings_;
  std::map<std::string, std::vector<const CallLine *>> kept_recordings_;
  std::vector<const CallLine *> kept_;
  std::set<int64_t> kept_tensors_;
  bool keeping_ = false;
  double tolerance_ = -1;  // below zero: nothing is compared
  size_t compared_ = 0;
};

}  // namespace

CallFile read_calls(std::istream &lines) {
  CallFile file;
  for (std::string text; std::getline(lines, text);) {
    if (text.starts_with("title "))
      file.title = text.substr(6);
    else if (text.starts_with("step "))
      file.images = std::stoll(text.substr(5));
    else
      (file.images > 0 ? file.step : file.calls).push_back(call_line(text));
  }
  return file;
}

std::vector<std::string> mistakes(Device &gpu, const CallFile &file) {
  Player reference(cpu_device()), player(gpu);
  reference.play(file.calls);
  player.play(file.calls);
  if (reference.contents.empty()) throw std::runtime_error("nothing is compared");
  std::vector<std::string> found;
  for (size_t i = 0; i < reference.contents.size(); i++) {
    auto [expected, tolerance, count] = reference.contents[i];
    std::vector<float> actual = player.contents[i].values;
    if (count > 0) expected.resize(count), actual.resize(count);
    const double error = relative_error(actual, expected);
    if (!(error <= tolerance)) found.push_back("read " + std::to_string(i + 1) + ": relative error " + std::to_string(error));
  }
  return found;
}

StepTime time_step(Gpu &gpu, const CallFile &file) {
  Player player(gpu.device);
  player.play(file.calls);
  const double seconds = seconds_of(gpu, [&] { player.play(file.step); });
  return {seconds, player.peak_bytes()};
}

}  // namespace distill::bench
