// What program.cpp and expected.cpp share: the ops, run in every variant on the same numbers.
#pragma once

#include <cstdint>

namespace distill::processor {

// Runs all cases. Each result goes to `results`: a header, then its bytes.
void run_cases();

struct ResultHeader {
  char name[112];
  int64_t storage;  // 0 fp32, 1 bf16
  int64_t bytes;
};

constexpr int64_t kResultBytes = int64_t{64} << 20;
extern "C" {
extern unsigned char results[kResultBytes];
extern int64_t result_bytes;          // written so far
extern unsigned char gelu_numbers[];  // the program's GeluTable, which run.py fills in with the host's
}

}  // namespace distill::processor
