#include "testing/emulator/switch.h"

#include <cstring>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

extern "C" void emulator_switch(void **save, void *to);

#if defined(__x86_64__)
asm(R"(.text
.p2align 4
.globl emulator_switch
.hidden emulator_switch
.type emulator_switch,@function
emulator_switch:
  pushq %rbp; pushq %rbx; pushq %r12; pushq %r13; pushq %r14; pushq %r15
  movq %rsp,(%rdi)
  movq %rsi,%rsp
  popq %r15; popq %r14; popq %r13; popq %r12; popq %rbx; popq %rbp
  ret
.size emulator_switch,.-emulator_switch
)");
#elif defined(__aarch64__)
asm(R"(.text
.p2align 4
.globl emulator_switch
.hidden emulator_switch
.type emulator_switch,%function
emulator_switch:
  sub sp,sp,#160
  stp x19,x20,[sp]; stp x21,x22,[sp,#16]; stp x23,x24,[sp,#32]; stp x25,x26,[sp,#48]; stp x27,x28,[sp,#64]; stp x29,x30,[sp,#80]
  stp d8,d9,[sp,#96]; stp d10,d11,[sp,#112]; stp d12,d13,[sp,#128]; stp d14,d15,[sp,#144]
  mov x9,sp; str x9,[x0]; mov sp,x1
  ldp x19,x20,[sp]; ldp x21,x22,[sp,#16]; ldp x23,x24,[sp,#32]; ldp x25,x26,[sp,#48]; ldp x27,x28,[sp,#64]; ldp x29,x30,[sp,#80]
  ldp d8,d9,[sp,#96]; ldp d10,d11,[sp,#112]; ldp d12,d13,[sp,#128]; ldp d14,d15,[sp,#144]
  add sp,sp,#160; ret
)");
#else
#error "the emulator knows the calling conventions of x86-64 and AArch64 only"
#endif

namespace emulator {

namespace {
[[maybe_unused]] const void *first_stack = nullptr;
[[maybe_unused]] size_t first_stack_bytes = 0;
}  // namespace

void prepare(Fibre &fibre, void (*entry)()) {
#if defined(__SANITIZE_ADDRESS__)
  // The stack's previous user has not returned from its functions.
  __asan_unpoison_memory_region(fibre.stack, fibre.stack_bytes);
#endif
  void **top = reinterpret_cast<void **>(fibre.stack + fibre.stack_bytes);
#if defined(__x86_64__)
  // As after a call: the stack is 8 off a multiple of 16 when entry begins.
  *--top = nullptr;
  *--top = reinterpret_cast<void *>(entry);
  top -= 6;
  std::memset(top, 0, 6 * sizeof(void *));
#else
  top -= 20;
  std::memset(top, 0, 20 * sizeof(void *));
  top[11] = reinterpret_cast<void *>(entry);
#endif
  fibre.stack_pointer = top;
}

void switch_fibre(Fibre &from, Fibre &to, [[maybe_unused]] bool dying) {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(dying ? nullptr : &from.sanitizer, to.stack ? to.stack : first_stack,
                                 to.stack ? to.stack_bytes : first_stack_bytes);
#endif
  emulator_switch(&from.stack_pointer, to.stack_pointer);
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(from.sanitizer, nullptr, nullptr);
#endif
}

void entered_fibre() {
#if defined(__SANITIZE_ADDRESS__)
  const bool is_first = !first_stack;
  __sanitizer_finish_switch_fiber(nullptr, is_first ? &first_stack : nullptr, is_first ? &first_stack_bytes : nullptr);
#endif
}

}  // namespace emulator
