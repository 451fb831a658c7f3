// Switches from one fibre's stack to another's. Preserves the registers that the calling convention requires; takes about 20 ns.
#pragma once

#include <cstddef>

namespace emulator {

struct Fibre {
  void *stack_pointer = nullptr;
  char *stack = nullptr;  // null: the thread that started it all
  size_t stack_bytes = 0;
  void *sanitizer = nullptr;  // AddressSanitizer's state for it
};

// Makes the next switch to the fibre call entry, which must never return.
void prepare(Fibre &fibre, void (*entry)());

// `dying`: nothing will switch back to it.
void switch_fibre(Fibre &from, Fibre &to, bool dying = false);
// Must be the first call in entry.
void entered_fibre();

}  // namespace emulator
