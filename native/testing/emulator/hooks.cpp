// The functions that g++ -fsanitize=thread calls before each load and store of a kernel file. They replace ThreadSanitizer's own library:
// instrumented files are never linked with -fsanitize=thread.
#include <cstddef>

#include "testing/emulator/memory.h"

using emulator::Place;
using emulator::Touch;

#define INSTRUCTION Place(__builtin_return_address(0))
#define HOOK extern "C" __attribute__((visibility("hidden"))) void

HOOK __tsan_init() {}
HOOK __tsan_func_entry(void *) {}
HOOK __tsan_func_exit() {}
HOOK __tsan_vptr_update(void **, void *) {}
HOOK __tsan_vptr_read(void **) {}

#define SIZED_HOOKS(bytes)                                                                                               \
  HOOK __tsan_read##bytes(void *address) { emulator::touch(address, bytes, Touch::read, INSTRUCTION); }                  \
  HOOK __tsan_write##bytes(void *address) { emulator::touch(address, bytes, Touch::write, INSTRUCTION); }                \
  HOOK __tsan_unaligned_read##bytes(void *address) { emulator::touch(address, bytes, Touch::read, INSTRUCTION, false); } \
  HOOK __tsan_unaligned_write##bytes(void *address) { emulator::touch(address, bytes, Touch::write, INSTRUCTION, false); }
SIZED_HOOKS(1)
SIZED_HOOKS(2)
SIZED_HOOKS(4)
SIZED_HOOKS(8)
SIZED_HOOKS(16)

HOOK __tsan_read_range(void *address, unsigned long bytes) { emulator::touch(address, bytes, Touch::read, INSTRUCTION, false); }
HOOK __tsan_write_range(void *address, unsigned long bytes) { emulator::touch(address, bytes, Touch::write, INSTRUCTION, false); }
