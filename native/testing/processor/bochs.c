// Loaded before the package bochscpu. Its processor is a Core i3-8121U, which has no AVX512_BF16; this makes it a Sapphire Rapids. It also
// has what the package expects of a C library from 2023 on, for older ones.
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void *create_sapphire_rapids(void *cpu) __asm__("_Z28create_sapphire_rapids_cpuidP8BX_CPU_C");
void *create_default(void *cpu) __asm__("_Z23create_corei3_cnl_cpuidP8BX_CPU_C");
void *create_default(void *cpu) { return create_sapphire_rapids(cpu); }

unsigned long long __isoc23_strtoull(const char *text, char **end, int base) { return strtoull(text, end, base); }
int __isoc23_sscanf(const char *text, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const int count = vsscanf(text, format, arguments);
  va_end(arguments);
  return count;
}
