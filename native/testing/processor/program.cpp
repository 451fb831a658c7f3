// Runs the cases without an operating system, with the kernels as the product has them: run.py puts it into the memory of an emulated
// processor. It ends with `hlt`, or with an exception.
#include <cstddef>

#include "cases.h"
#include "cpu/gelu_table.h"

extern "C" {

alignas(64) unsigned char gelu_numbers[sizeof(distill::GeluTable)];

[[noreturn]] void _start() {
  distill::processor::run_cases();
  asm volatile("hlt");
  __builtin_unreachable();
}

// The handler of "invalid opcode". run.py, which is told of clflush, carries out the instruction: it changes the registers that are saved
// here, and lets the return address, on top of the stack, point behind the instruction.
alignas(64) unsigned char vectors[32][64];
[[gnu::naked]] void carry_out() {
  asm volatile(
      ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31\n\t"
      "vmovdqa64 %zmm\\n, vectors + 64 * \\n(%rip)\n\t"
      ".endr\n\t"
      "clflush (%rsp)\n\t"
      ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31\n\t"
      "vmovdqa64 vectors + 64 * \\n(%rip), %zmm\\n\n\t"
      ".endr\n\t"
      "iretq");
}

// What compilers call
void *memcpy(void *to, const void *from, size_t bytes) {
  void *start = to;
  asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(bytes)::"memory");
  return start;
}
void *memset(void *to, int value, size_t bytes) {
  void *start = to;
  asm volatile("rep stosb" : "+D"(to), "+c"(bytes) : "a"(value) : "memory");
  return start;
}
void *memmove(void *to, const void *from, size_t bytes) {
  auto *target = static_cast<unsigned char *>(to);
  const auto *source = static_cast<const unsigned char *>(from);
  if (target <= source || target >= source + bytes) return memcpy(to, from, bytes);
  while (bytes--) target[bytes] = source[bytes];
  return to;
}
void _Unwind_Resume() { __builtin_trap(); }
void __gxx_personality_v0() { __builtin_trap(); }
}

const distill::GeluTable &distill::gelu_table() { return *reinterpret_cast<const GeluTable *>(gelu_numbers); }
