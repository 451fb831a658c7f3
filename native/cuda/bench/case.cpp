#include "cuda/bench/case.h"

#include <sstream>
#include <stdexcept>

namespace distill::bench {

namespace {

template <class T>
std::vector<T> rest_of(std::istream &line) {
  std::vector<T> values;
  for (T value; line >> value;) values.push_back(value);
  return values;
}

std::string text_of(std::istream &line) {
  std::string text;
  std::getline(line >> std::ws, text);
  return text;
}

}  // namespace

double Case::option(const std::string &wanted, double otherwise) const {
  const auto found = options.find(wanted);
  return found == options.end() ? otherwise : found->second.front();
}

std::vector<float> Case::values(const std::string &input) const {
  const Input &given = inputs.at(input);
  return numbers(formula + "/" + input, product(given.shape), given.scale, given.offset, given.below);
}

std::vector<float> Case::output_gradient(int64_t size) const { return dy.empty() ? numbers(formula + "/dy", size, 1, 0, 0) : dy; }

std::vector<Case> read_cases(std::istream &lines) {
  std::vector<Case> cases;
  for (std::string text; std::getline(lines, text);) {
    std::istringstream line(text);
    std::string kind, name;
    line >> kind;
    if (kind == "case") {
      cases.emplace_back();
      line >> cases.back().op >> name;  // the semicolon
      cases.back().name = text_of(line);
      continue;
    }
    if (cases.empty()) throw std::runtime_error("expected a case, got: " + text);
    Case &last = cases.back();
    if (kind == "formula") {
      last.formula = text_of(line);
    } else if (kind == "input") {
      std::string dtype, shape;
      double scale = 0, offset = 0;
      uint32_t below = 0;
      line >> name >> dtype >> shape >> scale >> offset >> below;
      last.inputs[name] = {dtype, shape_of(shape), scale, offset, below};
    } else if (kind == "option") {
      line >> name;
      last.options[name] = rest_of<double>(line);
    } else if (kind == "dy") {
      last.dy = rest_of<float>(line);
    } else if (kind == "stored") {
      for (const std::string &each : rest_of<std::string>(line)) last.stored.insert(each);
    } else if (kind == "timed") {
      last.timed = true;
    } else {
      throw std::runtime_error("a line that is none of a case: " + text);
    }
  }
  return cases;
}

}  // namespace distill::bench
