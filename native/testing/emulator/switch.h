// From one fibre's stack to another's. Keeps what the calling convention says a function must keep; about 20 ns.
#pragma once

#include <cstddef>

namespace emulator {

struct Fibre {
  void *stack_pointer = nullptr;
  char *stack = nullptr;  // null: the thread that started it all
  size_t stack_bytes = 0;
  void *sanitizer = nullptr;  // AddressSanitizer's own state of it
};

// The next switch to the fibre calls entry, which must never return.
void prepare(Fibre &fibre, void (*entry)());

// `dying`: nothing will switch back.
void switch_fibre(Fibre &from, Fibre &to, bool dying = false);
// The first thing that entry does.
void entered_fibre();

}  // namespace emulator
