#include "testing/driver/calls.h"

#include <algorithm>
#include <cstdlib>
#include <sstream>
#include <stdexcept>

#include "addon/bindings.h"

namespace distill::driver {

namespace {

Value value_of(const std::string &text) {
  if (text == "null") return {};
  if (text == "true" || text == "false") return Value::of(text == "true");
  if (text[0] == '#') return Value::of(static_cast<double>(tensor_number(text)));
  char *end;
  const double number = std::strtod(text.c_str(), &end);
  return *end ? Value::of(text) : Value::of(number);
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

// "bf16 2000 300"
Cost cost_of(const std::string &text) {
  std::istringstream words(text);
  std::string precision;
  Cost cost{};
  words >> precision >> cost.flops >> cost.bytes;
  cost.is_bf16 = precision == "bf16";
  return cost;
}

}  // namespace

bool Script::compares_bits() const {
  return std::ranges::any_of(calls, [](const CallLine &line) { return line.method == "compare" && line.words.back() == "bits"; });
}

bool Script::times_calls() const {
  return std::ranges::any_of(calls, [](const CallLine &line) { return line.cost.has_value(); });
}

bool takes_arguments(const std::string &method) {
  return method == "copy" || method == "fill" || std::ranges::any_of(op_methods(), [&](const OpMethod &op) { return method == op.name; });
}

int64_t tensor_number(const std::string &text) {
  if (text.empty() || text[0] != '#') throw std::runtime_error("expected a tensor, got " + text);
  return std::stoll(text.substr(1));
}

std::vector<Script> read_scripts(std::istream &lines) {
  std::vector<Script> scripts;
  std::optional<Cost> cost;  // of the next call
  for (std::string text; std::getline(lines, text);) {
    if (text.starts_with("title ")) {
      scripts.emplace_back().title = text.substr(6);
      continue;
    }
    if (scripts.empty()) throw std::runtime_error("expected a title, got " + text);
    Script &script = scripts.back();
    if (text.starts_with("step ")) {
      script.images = std::stoll(text.substr(5));
    } else if (text.starts_with("time ")) {
      cost = cost_of(text.substr(5));
    } else {
      CallLine &line = (script.images > 0 ? script.step : script.calls).emplace_back(call_line(text));
      line.cost = std::exchange(cost, std::nullopt);
    }
  }
  return scripts;
}

}  // namespace distill::driver
