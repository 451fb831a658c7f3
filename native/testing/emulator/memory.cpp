#include "testing/emulator/memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <new>
#include <string>
#include <unordered_map>
#include <vector>

#include "testing/emulator/settings.h"

// The library that contains the kernels: its memory holds code and constants.
extern char __ehdr_start __attribute__((visibility("hidden")));
extern char _end __attribute__((visibility("hidden")));

namespace emulator {

Clock memory_clock;

namespace {

// Who last wrote a word of 4 bytes, and who has read it since. Values below 16 are states, not times.
enum State : uint32_t { kNothing = 0, kNeverWritten = 1, kFromHost = 2 };
struct Cell {
  uint32_t written, read;
  uint16_t writer, writer_step, reader, reader_step;
  uint8_t atomic, in_flight;
  bool split;  // its bytes were written individually: each has its own cell in `split_cells`
};
constexpr size_t kWord = 4;
std::unordered_map<const Cell *, std::array<Cell, kWord>> split_cells;

std::array<Cell, kWord> &split(Cell &cell) {
  if (!cell.split) {
    split_cells[&cell] = {cell, cell, cell, cell};
    cell.split = true;
  }
  return split_cells[&cell];
}
// Readers of one moment other than a single thread: several lanes of one warp, or several warps.
constexpr uint16_t kWarpReaders = 0x8000, kManyReaders = 0xffff;

constexpr size_t kRedZone = 256, kSharedRedZone = 16;

// Kernels instrumented for AddressSanitizer do not report their writes, so nothing can be said about their reads.
#if defined(__SANITIZE_ADDRESS__)
constexpr bool kAccessesAreTold = false;
#else
constexpr bool kAccessesAreTold = true;
#endif

template <class T>
T *reserve(size_t count) {
  void *memory = mmap(nullptr, count * sizeof(T), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  return static_cast<T *>(memory);
}

// A range of memory and its cells.
struct Arena {
  char *begin;
  Cell *cells;
  size_t bytes;

  explicit Arena(size_t bytes) : begin(reserve<char>(bytes)), cells(reserve<Cell>(bytes / kWord)), bytes(bytes) {}
  size_t offset(const void *address) const { return static_cast<size_t>(static_cast<const char *>(address) - begin); }
  bool holds(const void *address) const { return offset(address) < bytes; }
  Cell *cell(const void *address) const { return cells + offset(address) / kWord; }
  // Starts at a whole word; of the last word, only the bytes in the range.
  void set(const void *address, size_t count, State state) const {
    Cell *first = cell(address), *last = first + count / kWord;
    std::memset(first, 0, count / kWord * sizeof(Cell));
    for (Cell *c = first; c < last; c++) c->written = state;
    for (size_t byte = 0; byte < count % kWord; byte++) split(*last)[byte].written = state;
  }
  // New memory holds NaN.
  void open(char *address, size_t count) const {
    std::memset(address, 0xff, count);
    std::memset(cell(address), 0, (count + kWord - 1) / kWord * sizeof(Cell));
    set(address, count, kNeverWritten);
  }
};

// With red zones between arrays.
constexpr size_t kArenaBytes = kSharedBytes + (16 << 10);

Arena &shared() {
  static Arena arena(kArenaBytes);
  return arena;
}
Arena &device() {
  static Arena arena(kDeviceBytes);
  return arena;
}

size_t shared_top, shared_bytes, shared_limit;
char *dynamic;
std::vector<std::pair<const void *, char *>> shared_arrays;

std::map<char *, size_t> allocations;
size_t device_top, device_in_use;

const char *stacks;
size_t stacks_bytes;

char *carve_shared(size_t bytes, size_t alignment) {
  const size_t begin = shared_top ? (shared_top + kSharedRedZone + alignment - 1) / alignment * alignment : 0;
  shared_bytes += bytes;
  if (shared_bytes > shared_limit) {
    report("bad-launch", std::source_location::current(),
           std::to_string(shared_bytes) + " bytes of shared memory, of " + std::to_string(shared_limit));
    if (begin + bytes > kArenaBytes) throw std::bad_alloc();
  }
  shared_top = begin + bytes;
  shared().open(shared().begin + begin, bytes);
  return shared().begin + begin;
}

// ---- Order between accesses. Two are ordered if the earlier one was before a barrier that both passed, or by the same thread, or by the
// same warp before a __syncwarp. Blocks of one launch are never ordered.

bool is_ordered(uint32_t time, uint16_t thread, uint16_t step, bool global) {
  const Clock &clock = memory_clock;
  if (time < clock.block_start) return !global || time < clock.launch_start;
  return time < clock.now || thread == self->linear || (thread / kWarp == self->warp && step < clock.warp_steps[self->warp]);
}

bool is_read_unordered(const Cell &cell, bool global) {
  const Clock &clock = memory_clock;
  if (cell.read < clock.block_start) return global && cell.read >= clock.launch_start;
  if (cell.read < clock.now) return false;
  if (cell.reader == kManyReaders) return true;
  if (cell.reader & kWarpReaders)
    return (cell.reader & ~kWarpReaders) != static_cast<int>(self->warp) || cell.reader_step >= clock.warp_steps[self->warp];
  return !is_ordered(cell.read, cell.reader, cell.reader_step, global);
}

void note_reader(Cell &cell) {
  const Clock &clock = memory_clock;
  const uint16_t step = clock.warp_steps[self->warp], thread = static_cast<uint16_t>(self->linear);
  if (cell.read != clock.now || cell.reader == thread) {
    cell.read = clock.now;
    cell.reader = thread;
  } else if (cell.reader != kManyReaders) {
    const unsigned warp = cell.reader & kWarpReaders ? cell.reader & ~kWarpReaders : cell.reader / kWarp;
    if (warp != self->warp)
      cell.reader = kManyReaders;
    else
      cell.reader = cell.reader_step == step ? static_cast<uint16_t>(kWarpReaders | warp) : thread;
  }
  cell.reader_step = step;
}

std::string described(bool global, Touch kind, size_t bytes) {
  return std::string(global ? "global" : "shared") + (kind == Touch::read ? " read" : " write") + " of " + std::to_string(bytes) + " bytes";
}

// False: outside every array.
bool check_cell(Cell &cell, bool global, Touch kind, size_t bytes, const Place &place) {
  if (cell.written == kNothing) {
    report("out-of-bounds", place, described(global, kind, bytes) + " outside of every array");
    return false;
  }
  if (cell.written == kNeverWritten && (kind == Touch::read || kind == Touch::atomic)) {
    report("uninitialised", place, described(global, Touch::read, bytes) + " that nobody has written");
    cell.written = kFromHost;
  }
  const char *race = global ? "global-race" : "shared-race";
  if (cell.in_flight && cell.written >= memory_clock.block_start) {
    report("async-copy", place,
           described(global, kind, bytes) + " where a copy of thread " + std::to_string(cell.writer) + " is under way");
    cell.in_flight = 0;
  } else if (cell.written > kFromHost && !is_ordered(cell.written, cell.writer, cell.writer_step, global) &&
             !(kind == Touch::atomic && cell.atomic)) {
    report(race, place,
           described(global, kind, bytes) + " not ordered with a write of thread " + std::to_string(cell.writer) +
               (cell.written < memory_clock.block_start ? " of another block" : ""));
  }
  if (kind == Touch::read) {
    note_reader(cell);
    return true;
  }
  if (is_read_unordered(cell, global)) report(race, place, described(global, kind, bytes) + " not ordered with a read of another thread");
  cell.written = memory_clock.now;
  cell.writer = static_cast<uint16_t>(self->linear);
  cell.writer_step = memory_clock.warp_steps[self->warp];
  cell.atomic = kind == Touch::atomic;
  cell.in_flight = kind == Touch::start_copy;
  return true;
}

bool is_own(const void *address) {
  const char *at = static_cast<const char *>(address);
  return static_cast<size_t>(at - stacks) < stacks_bytes || (at >= &__ehdr_start && at < &_end);
}

}  // namespace

void set_stacks(const char *begin, size_t bytes) {
  stacks = begin;
  stacks_bytes = bytes;
}

void touch(const void *address, size_t bytes, Touch kind, const Place &place, bool aligned) {
  if (!self || !kAccessesAreTold) return;
  const bool in_shared = shared().holds(address), in_device = !in_shared && device().holds(address);
  if (!in_shared && !in_device) {
    if (!is_own(address)) report("host-access", place, std::string(kind == Touch::read ? "read" : "write") + " at an address of the host");
    return;
  }
  if (aligned && (bytes & (bytes - 1)) == 0 && reinterpret_cast<uintptr_t>(address) % bytes != 0)
    report("misaligned", place, described(in_device, kind, bytes));
  const Arena &arena = in_shared ? shared() : device();
  const size_t begin = arena.offset(address), end = begin + bytes;
  for (size_t at = begin; at < end;) {
    Cell &cell = arena.cells[at / kWord];
    const size_t first = at % kWord, last = std::min(kWord, first + end - at);
    // Reading a byte counts as reading its word, unless bytes of that word are written individually.
    if (!cell.split && (kind == Touch::read || last - first == kWord)) {
      if (!check_cell(cell, in_device, kind, bytes, place)) return;
    } else {
      for (size_t byte = first; byte < last; byte++)
        if (!check_cell(split(cell)[byte], in_device, kind, bytes, place)) return;
    }
    at += last - first;
  }
}

void access(const void *address, size_t bytes, Access kind, const std::source_location &site) {
  touch(address, bytes, kind == Access::read ? Touch::read : kind == Access::write ? Touch::write : Touch::atomic, site);
}

void check_alignment(const void *address, size_t bytes, const std::source_location &site) {
  if (reinterpret_cast<uintptr_t>(address) % bytes != 0) report("misaligned", site, "access of " + std::to_string(bytes) + " bytes");
}

// ---- Shared memory

// Static arrays count too: the requested size says how much of the whole is dynamic.
void reset_shared(size_t dynamic_bytes, size_t asked) {
  shared_bytes = 0;
  shared_limit = asked ? most_shared() : kSharedUnasked;
  shared().set(shared().begin, shared_top, kNothing);
  shared_top = 0;
  shared_arrays.clear();
  dynamic = dynamic_bytes ? carve_shared(dynamic_bytes, 128) : nullptr;
}

void *dynamic_shared() { return dynamic; }

// All threads of a block ask for the same array; the key identifies it.
void *shared_array(const void *key, size_t bytes, size_t alignment) {
  for (const auto &[known, address] : shared_arrays)
    if (known == key) return address;
  char *address = carve_shared(bytes, alignment);
  shared_arrays.emplace_back(key, address);
  return address;
}

uint32_t shared_offset(const void *address, const Place &place) {
  if (shared().holds(address)) return static_cast<uint32_t>(static_cast<const char *>(address) - shared().begin);
  report("host-access", place, "an address that is not in shared memory");
  return 0;
}

char *shared_at(uint32_t offset) { return shared().begin + offset; }

void finish_copy(uint32_t offset, size_t bytes) {
  for (Cell *cell = shared().cells + offset / kWord, *end = cell + bytes / kWord; cell < end; cell++) {
    if (!cell->in_flight || cell->writer != self->linear) continue;
    cell->in_flight = 0;
    cell->written = memory_clock.now;
    cell->writer_step = memory_clock.warp_steps[self->warp];
  }
}

// ---- Device memory. Addresses are not reused while there is room, so that the use of freed memory is detected.

void *allocate_device(size_t bytes) {
  const size_t room = (bytes + 255) / 256 * 256 + kRedZone;
  if (device_top + room > kDeviceBytes || bytes > device_bytes_free()) return nullptr;
  device_in_use += bytes;
  char *address = device().begin + device_top;
  device_top += room;
  allocations[address] = bytes;
  device().open(address, bytes);
  return address;
}

bool free_device(void *memory) {
  const auto found = allocations.find(static_cast<char *>(memory));
  if (found == allocations.end()) return false;
  device().set(found->first, found->second, kNothing);
  device_in_use -= found->second;
  allocations.erase(found);
  if (allocations.empty()) {
    // Nothing is in use: start over, and return the pages.
    madvise(device().begin, device_top, MADV_DONTNEED);
    madvise(device().cells, device_top / kWord * sizeof(Cell), MADV_DONTNEED);
    device_top = 0;
  }
  return true;
}

bool is_device(const void *address) { return device().holds(address); }
size_t device_bytes() { return static_cast<size_t>(setting("memory").value_or(kDeviceBytes)); }
size_t device_bytes_free() { return device_bytes() > device_in_use ? device_bytes() - device_in_use : 0; }

void mark_written(void *address, size_t bytes) {
  if (is_device(address)) device().set(address, bytes, kFromHost);
}

bool is_allocated(const void *address, size_t bytes) {
  auto after = allocations.upper_bound(const_cast<char *>(static_cast<const char *>(address)));
  if (after == allocations.begin()) return false;
  const auto &[begin, size] = *--after;
  return static_cast<const char *>(address) + bytes <= begin + size;
}

}  // namespace emulator
