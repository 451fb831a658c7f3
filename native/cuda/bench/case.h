// Declarative cases, as cases.py writes them, and the numbers that they stand for: those of test/reference/formula.ts.
#pragma once

#include <cstdint>
#include <istream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "cuda/bench/values.h"

namespace distill::bench {

struct Input {
  std::string dtype;  // f32, i32, u8
  Shape shape;
  double scale, offset;
  uint32_t below;  // 0: fractions, not whole numbers
};

struct Case {
  std::string op, name, formula;  // formula: what its numbers are drawn by
  std::map<std::string, Input> inputs;
  std::map<std::string, std::vector<double>> options;
  std::vector<float> dy;
  std::set<std::string> stored;  // in bf16
  bool timed = false;

  double option(const std::string &name, double otherwise = 0) const;
  std::vector<float> values(const std::string &input) const;
  std::vector<float> output_gradient(int64_t size) const;
};

std::vector<Case> read_cases(std::istream &lines);

}  // namespace distill::bench
