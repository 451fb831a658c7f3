// Runs the cases on this machine, with the kernels as cpu/lowered/ compiles them, and writes the results to the file that is named.
#include <cstdio>

#include "cases.h"

int main(int, char **arguments) {
  using namespace distill::processor;
  run_cases();
  std::FILE *file = std::fopen(arguments[1], "wb");
  return file && std::fwrite(results, 1, static_cast<size_t>(result_bytes), file) == static_cast<size_t>(result_bytes) &&
                 std::fclose(file) == 0
             ? 0
             : 1;
}
