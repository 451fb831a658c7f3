// Shapes and numbers, and their layout in memory. Types are f32, bf16, i32 and u8.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace distill::driver {

using Shape = std::vector<int64_t>;
int64_t product(const Shape &shape);
Shape shape_of(const std::string &text);  // "3,4"

// Numbers by name, as in test/reference/formula.ts: offset + scale * (a fraction in -1 ... 1, or a whole number below `below`).
std::vector<float> numbers(const std::string &name, int64_t size, double scale, double offset, uint32_t below);

int64_t bytes_of(const std::string &dtype);
std::vector<uint8_t> stored_as(const std::string &dtype, const std::vector<float> &values);
std::vector<float> loaded_from(const std::string &dtype, const std::vector<uint8_t> &bytes, int64_t size);

// Relative error in the L2 norm of the first `count` numbers; absolute if the expected numbers are 0.
double relative_error(const std::vector<float> &actual, const std::vector<float> &expected, size_t count);

}  // namespace distill::driver
