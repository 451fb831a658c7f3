#include "testing/emulator/machine.h"

#include <sys/mman.h>

#include <cstring>
#include <new>
#include <set>
#include <string>

#include "testing/emulator/device.h"
#include "testing/emulator/memory.h"
#include "testing/emulator/reports.h"
#include "testing/emulator/switch.h"

namespace emulator {

Thread *self;
uint3 block_index;
dim3 block_extent, grid_extent;

namespace {

constexpr size_t kStackBytes = 128 << 10, kPage = 4096;

struct Lane : Thread {
  Fibre fibre;
  bool done = true;
  const char *waits_for = nullptr;  // null: it does not
  std::source_location site;
};

struct Warp {
  uint32_t live = 0, ready = 0;        // lanes that have not ended; those that can run
  uint32_t arrived = 0, expected = 0;  // at the collective under way
  Collective kind{};
  std::source_location site;
  void *payload[kWarp];
};

Lane lanes[kMaxThreads];
Warp warps[kMaxThreads / kWarp];
Fibre outside;  // the caller of run_grid
unsigned threads_of_block, live;
unsigned order;
uint32_t dice;
bool aborted;

// Static, because kernels read their parameters from it, and accesses to the library's own memory are not reported.
alignas(64) char parameters[kParameterBytes];
void (*body)(const void *);

struct {
  unsigned arrived;
  std::source_location site;
  unsigned trues, result;
} barrier;

Lane &current() { return *static_cast<Lane *>(self); }

void create_stacks() {
  if (lanes[0].fibre.stack) return;
  void *stacks = mmap(nullptr, kStackBytes * kMaxThreads, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (stacks == MAP_FAILED) throw std::bad_alloc();
  set_stacks(static_cast<char *>(stacks), kStackBytes * kMaxThreads);
  for (unsigned i = 0; i < kMaxThreads; i++) {
    lanes[i].fibre.stack = static_cast<char *>(stacks) + i * kStackBytes;
    lanes[i].fibre.stack_bytes = kStackBytes;
    mprotect(lanes[i].fibre.stack, kPage, PROT_NONE);
  }
}

// ---- Which thread runs next

unsigned choose_lane(uint32_t ready) {
  if (order == 0) return static_cast<unsigned>(__builtin_ctz(ready));
  if (order == 1) return 31 - static_cast<unsigned>(__builtin_clz(ready));
  dice = dice * 1664525u + 1013904223u + order;
  const unsigned turn = dice >> 27;
  const uint32_t turned = turn ? ready >> turn | ready << (32 - turn) : ready;
  return (static_cast<unsigned>(__builtin_ctz(turned)) + turn) % 32;
}

Lane *next_ready(unsigned from_warp) {
  const unsigned count = threads_of_block / kWarp;
  for (unsigned i = 0; i < count; i++) {
    const unsigned w = (order == 1 ? from_warp + count - i : from_warp + i) % count;
    if (warps[w].ready) return &lanes[w * kWarp + choose_lane(warps[w].ready)];
  }
  return nullptr;
}

// No thread is ready: back to run_block, which checks whether all have ended.
void run_next(Lane &from, bool dying) {
  Lane *next = next_ready(from.warp);
  self = next;
  switch_fibre(from.fibre, next ? next->fibre : outside, dying);
}

void wait(Lane &lane) {
  warps[lane.warp].ready &= ~(1u << lane.lane);
  run_next(lane, false);
}

// ---- Barriers of the block

void open_barrier() {
  barrier.arrived = 0;
  memory_clock.now++;
  for (unsigned w = 0; w < threads_of_block / kWarp; w++) {
    warps[w].ready |= warps[w].live;
    memory_clock.warp_steps[w] = 0;
  }
}

bool same(const std::source_location &a, const std::source_location &b) {
  return a.line() == b.line() && a.column() == b.column() && std::strcmp(a.file_name(), b.file_name()) == 0;
}

}  // namespace

int block_barrier(Barrier kind, bool predicate, const std::source_location &site) {
  Lane &lane = current();
  if (barrier.arrived == 0) {
    barrier = {0, site, 0, 0};
  } else if (!same(barrier.site, site)) {
    report("divergent-barrier", site, "other threads of the block wait at " + Place(barrier.site).text());
  }
  if (live != threads_of_block)
    report("divergent-barrier", site, std::to_string(threads_of_block - live) + " threads of the block have ended before this barrier");
  barrier.arrived++;
  barrier.trues += predicate;
  lane.waits_for = "__syncthreads";
  lane.site = site;
  if (barrier.arrived == live) {
    barrier.result = kind == Barrier::any ? barrier.trues != 0 : barrier.trues;
    open_barrier();
  } else {
    wait(lane);
  }
  lane.waits_for = nullptr;
  return static_cast<int>(barrier.result);
}

void collective(Collective kind, uint32_t mask, void *own, Complete complete, const std::source_location &site) {
  Lane &lane = current();
  Warp &warp = warps[lane.warp];
  const uint32_t bit = 1u << lane.lane;
  if (!(mask & bit)) report("divergent-warp", site, "a lane that is not in its own mask");
  if (!warp.arrived) {
    warp.expected = mask | bit;
    warp.kind = kind;
    warp.site = site;
  } else if (warp.kind != kind || warp.expected != mask || !same(warp.site, site)) {
    report("divergent-warp", site, "other lanes of the warp wait at " + Place(warp.site).text());
  }
  warp.arrived |= bit;
  warp.payload[lane.lane] = own;
  lane.waits_for = "the warp";
  lane.site = site;
  if (warp.arrived == warp.expected) {
    if (complete) complete(warp.payload, warp.expected);
    warp.arrived = 0;
    warp.ready |= warp.expected;
    // Only __syncwarp orders memory; a shuffle does not.
    if (kind == Collective::sync) memory_clock.warp_steps[lane.warp]++;
  } else {
    wait(lane);
  }
  lane.waits_for = nullptr;
}

void complete_shuffle(void *const *payload, uint32_t mask) {
  for (unsigned i = 0; i < kWarp; i++) {
    if (!(mask >> i & 1)) continue;
    auto *own = static_cast<Shuffle *>(payload[i]);
    const bool there = mask >> own->source & 1;
    own->out = there ? static_cast<Shuffle *>(payload[own->source])->in : 0xfff7dead7fc0dead;  // NaN as float and as double
  }
}

void complete_vote(void *const *payload, uint32_t mask) {
  uint32_t ballot = 0;
  for (unsigned i = 0; i < kWarp; i++)
    if (mask >> i & 1 && static_cast<Vote *>(payload[i])->in) ballot |= 1u << i;
  for (unsigned i = 0; i < kWarp; i++)
    if (mask >> i & 1) static_cast<Vote *>(payload[i])->out = ballot;
}

// ---- Blocks and grids

namespace {

void run_thread() {
  entered_fibre();
  body(parameters);
  expect_no_copies();
  Lane &lane = current();
  lane.done = true;
  live--;
  warps[lane.warp].live &= ~(1u << lane.lane);
  warps[lane.warp].ready &= ~(1u << lane.lane);
  if (live && barrier.arrived == live) {
    report("divergent-barrier", barrier.site, "thread " + std::to_string(lane.linear) + " has ended while others wait here");
    open_barrier();
  }
  run_next(lane, true);
  __builtin_unreachable();
}

void prepare_block(const Launch &launch) {
  memory_clock.block_start = ++memory_clock.now;
  barrier.arrived = 0;
  live = threads_of_block;
  reset_shared(launch.shared_bytes, launch.shared_asked);
  for (unsigned i = 0; i < threads_of_block; i++) {
    Lane &lane = lanes[i];
    lane.thread_index = {i % block_extent.x, i / block_extent.x % block_extent.y, i / (block_extent.x * block_extent.y)};
    lane.linear = i;
    lane.warp = i / kWarp;
    lane.lane = i % kWarp;
    lane.done = false;
    lane.waits_for = nullptr;
    prepare(lane.fibre, run_thread);
  }
  for (unsigned w = 0; w < threads_of_block / kWarp; w++) {
    warps[w] = Warp{};
    warps[w].live = warps[w].ready = ~0u;
    memory_clock.warp_steps[w] = 0;
  }
}

void report_deadlock() {
  std::set<std::string> waits;
  for (unsigned i = 0; i < threads_of_block; i++)
    if (!lanes[i].done)
      waits.insert(std::string(lanes[i].waits_for ? lanes[i].waits_for : "nothing") + " at " + Place(lanes[i].site).text());
  std::string text = std::to_string(live) + " threads wait for each other:";
  for (const std::string &wait : waits) text += " " + wait + ";";
  for (unsigned i = 0; i < threads_of_block; i++) {
    if (lanes[i].done) continue;
    report("deadlock", lanes[i].site, text);
    break;
  }
}

void run_block(const Launch &launch) {
  prepare_block(launch);
  Lane *first = next_ready(order == 1 ? threads_of_block / kWarp - 1 : 0);
  self = first;
  switch_fibre(outside, first->fibre);
  self = nullptr;
  if (live) {
    report_deadlock();
    aborted = true;
  }
}

bool is_possible(const Launch &launch) {
  const auto &[name, grid, block, shared_bytes, shared_asked, run, call, call_bytes] = launch;
  const unsigned threads = block.x * block.y * block.z;
  const auto refuse = [&](const std::string &text) {
    report("bad-launch", std::source_location::current(), std::string(name) + ": " + text);
    return false;
  };
  if (threads == 0 || threads > kMaxThreads || threads % kWarp) return refuse(std::to_string(threads) + " threads in a block");
  if (!grid.x || !grid.y || !grid.z || grid.x > 0x7fffffff || grid.y > 65535 || grid.z > 65535) return refuse("a grid of no such size");
  if (shared_bytes > most_shared() || shared_bytes > std::max(shared_asked, kSharedUnasked))
    return refuse(std::to_string(shared_bytes) + " bytes of shared memory");
  return true;
}

}  // namespace

Thread *thread_of(unsigned linear) { return &lanes[linear]; }

void set_order(unsigned wanted) { order = wanted; }

void run_grid(const Launch &launch) {
  if (!is_possible(launch)) return;
  has_tensor_cores = compiled_for() >= 80;
  create_stacks();
  grid_extent = launch.grid;
  block_extent = launch.block;
  threads_of_block = launch.block.x * launch.block.y * launch.block.z;
  body = launch.run;
  std::memcpy(parameters, launch.call, launch.call_bytes);
  aborted = false;
  dice = order;
  memory_clock.launch_start = ++memory_clock.now;
  const uint64_t blocks = uint64_t{grid_extent.x} * grid_extent.y * grid_extent.z;
  for (uint64_t i = 0; i < blocks && !aborted && !too_many_reports(); i++) {
    const uint64_t k = order == 1 ? blocks - 1 - i : i;
    block_index = {static_cast<unsigned>(k % grid_extent.x), static_cast<unsigned>(k / grid_extent.x % grid_extent.y),
                   static_cast<unsigned>(k / grid_extent.x / grid_extent.y)};
    run_block(launch);
  }
  memory_clock.now++;
}

}  // namespace emulator
