#pragma once

#include <cstddef>
#include <vector>

namespace distill {

// A table of numbers as text (CSV): `bytes` of lines that each end in "\n", with numbers between commas.
struct TableText {
  const char *bytes;
  size_t length;
};

// How many lines there are.
size_t lines_of(TableText table);

// Writes the numbers of each line, rounded to fp32, one to each column, which has room for `rows` of them. False if there are more lines,
// or if one holds anything else than a number for each column. Numbers are written as JavaScript does ("-1.5e-7", "NaN").
bool read_table(TableText table, size_t rows, const std::vector<float *> &columns);

}  // namespace distill
