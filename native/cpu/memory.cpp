#include "cpu/memory.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <fstream>

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
// A huge page is 2 MiB, but Electron's allocator kills the process if asked for an alignment above 1 MiB.
constexpr int64_t kLine = 64, kHugePage = int64_t{2} << 20, kLargestAlignment = int64_t{1} << 20;

std::atomic<int64_t> in_use = 0;

#if defined(_WIN32)

void *allocate(int64_t bytes) { return _aligned_malloc(static_cast<size_t>(bytes), kLine); }
void release(void *memory) { _aligned_free(memory); }

int64_t read_physical_memory() {
  MEMORYSTATUSEX status{.dwLength = sizeof(status)};
  GlobalMemoryStatusEx(&status);
  return static_cast<int64_t>(status.ullTotalPhys);
}

#else

void *allocate(int64_t bytes) {
  void *memory = nullptr;
  if (posix_memalign(&memory, static_cast<size_t>(bytes >= kHugePage ? kLargestAlignment : kLine), static_cast<size_t>(bytes)) != 0)
    return nullptr;
#if defined(__linux__)
  if (bytes >= kHugePage) madvise(memory, static_cast<size_t>(bytes / kHugePage * kHugePage), MADV_HUGEPAGE);
#endif
  return memory;
}

void release(void *memory) { std::free(memory); }

// The files hold the limit of a Linux container (cgroup v2 and v1). Without a limit they are absent, "max" or huge.
int64_t read_physical_memory() {
  int64_t least = static_cast<int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE), limit = 0;
  for (const char *path : {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"})
    if (std::ifstream(path) >> limit) least = std::min(least, limit);
  return least;
}

#endif

}  // namespace

void *allocate_aligned(int64_t bytes) {
  const bool fits = in_use.fetch_add(bytes) <= physical_memory() - bytes;
  void *const memory = fits ? allocate(bytes) : nullptr;
  if (memory) return memory;
  in_use -= bytes;
  throw OutOfMemory(bytes);
}

void free_aligned(void *memory, int64_t bytes) {
  release(memory);
  in_use -= bytes;
}

int64_t physical_memory() {
  static const int64_t bytes = read_physical_memory();
  return bytes;
}

}  // namespace distill
