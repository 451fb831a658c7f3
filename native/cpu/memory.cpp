#include "cpu/memory.h"

#include <cstdlib>
#include <new>

#if defined(_WIN32)
#include <windows.h>
#else
#include <unistd.h>
#endif
#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace distill {

namespace {
// A huge page is 2 MiB, but Electron's allocator ends the process when asked for a larger alignment than 1 MiB.
constexpr int64_t kLine = 64, kHugePage = int64_t{2} << 20, kLargestAlignment = int64_t{1} << 20;
}  // namespace

#if defined(_WIN32)

void *allocate_aligned(int64_t bytes) {
  void *memory = _aligned_malloc(static_cast<size_t>(bytes), kLine);
  if (!memory) throw OutOfMemory(bytes);
  return memory;
}

void free_aligned(void *memory) { _aligned_free(memory); }

int64_t physical_memory() {
  MEMORYSTATUSEX status{.dwLength = sizeof(status)};
  GlobalMemoryStatusEx(&status);
  return static_cast<int64_t>(status.ullTotalPhys);
}

#else

void *allocate_aligned(int64_t bytes) {
  void *memory = nullptr;
  if (posix_memalign(&memory, static_cast<size_t>(bytes >= kHugePage ? kLargestAlignment : kLine), static_cast<size_t>(bytes)) != 0)
    throw OutOfMemory(bytes);
#if defined(__linux__)
  if (bytes >= kHugePage) madvise(memory, static_cast<size_t>(bytes / kHugePage * kHugePage), MADV_HUGEPAGE);
#endif
  return memory;
}

void free_aligned(void *memory) { std::free(memory); }

int64_t physical_memory() { return static_cast<int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE); }

#endif

}  // namespace distill
