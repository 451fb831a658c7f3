// Runs the cases without an operating system, with the kernels as the product has them: run.py puts it into the memory of an emulated
// processor. It ends with `hlt`, or with an exception.
#include <cstddef>

#include "cases.h"
#include "cpu/gelu_table.h"

extern "C" {

alignas(64) unsigned char gelu_numbers[sizeof(distill::GeluTable)];
int64_t skipped;  // bytes of the tile instruction that run.py has carried out

[[noreturn]] void _start() {
  distill::processor::run_cases();
  asm volatile("hlt");
  __builtin_unreachable();
}

// The handler of "invalid opcode": goes on behind the instruction.
[[gnu::naked]] void skip_instruction() {
  asm volatile(
      "push %rax\n\t"
      "mov skipped(%rip), %rax\n\t"
      "add %rax, 8(%rsp)\n\t"
      "pop %rax\n\t"
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
