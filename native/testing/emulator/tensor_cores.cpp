// Asynchronous copies and matrix fragments. A copy's destination holds NaN from its start until the thread that started it has waited. It
// counts as written at the start: touching it in between is reported.
#include <cstring>
#include <string>
#include <vector>

#include "testing/emulator/machine.h"
#include "testing/emulator/memory.h"

namespace emulator {

namespace {

struct Copy {
  uint32_t to;
  const void *from;
  int room, bytes, group;
  std::source_location site;
};
struct Copies {
  std::vector<Copy> under_way;
  int group = 0;
};
Copies copies[kMaxThreads];

constexpr int kRowBytes = 16;

struct MatrixRow {
  uint32_t address;
  uint32_t (*out)[4];
  bool transposed;
  std::source_location site;
};

struct Fragments {
  float (*c)[4];
  const uint32_t (*a)[4];
  const uint32_t (*b)[2];
};

float from_bf16(uint32_t bits) {
  const uint32_t word = bits << 16;
  float value;
  std::memcpy(&value, &word, sizeof(value));
  return value;
}

bool is_inside(uint32_t address, int bytes, const std::source_location &site) {
  if (!has_tensor_cores) report("no-tensor-cores", site, "code for devices before sm_80 has nothing here");
  if (address % kRowBytes) report("misaligned", site, "a row of 16 bytes at shared address " + std::to_string(address));
  if (address + static_cast<uint32_t>(bytes) <= kSharedBytes) return true;
  report("out-of-bounds", site, "shared address " + std::to_string(address));
  return false;
}

void load_all(void *const *lanes, uint32_t) {
  auto *const *rows = reinterpret_cast<MatrixRow *const *>(lanes);
  uint16_t matrix[4][8][8];
  Thread *const me = self;
  for (unsigned i = 0; i < kWarp; i++) {
    const MatrixRow &row = *rows[i];
    std::memset(matrix[i / 8][i % 8], 0xff, kRowBytes);
    if (!is_inside(row.address, kRowBytes, row.site)) continue;
    // Loaded values go to other lanes, so even a lane's own row must be ordered by a __syncwarp: it counts as read by its neighbour.
    for (const unsigned reader : {i, (i + 1) % kWarp}) {
      self = thread_of(me->warp * kWarp + reader);
      touch(shared_at(row.address), kRowBytes, Touch::read, row.site);
    }
    std::memcpy(matrix[i / 8][i % 8], shared_at(row.address), kRowBytes);
  }
  self = me;
  for (unsigned lane = 0; lane < kWarp; lane++) {
    const unsigned g = lane / 4, t = 2 * (lane % 4);
    for (int q = 0; q < 4; q++) {
      const uint32_t low = rows[lane]->transposed ? matrix[q][t][g] : matrix[q][g][t];
      const uint32_t high = rows[lane]->transposed ? matrix[q][t + 1][g] : matrix[q][g][t + 1];
      (*rows[lane]->out)[q] = low | high << 16;
    }
  }
}

void multiply_all(void *const *lanes, uint32_t) {
  auto *const *of = reinterpret_cast<Fragments *const *>(lanes);
  float a[16][16], b[16][8];
  for (unsigned lane = 0; lane < kWarp; lane++) {
    const unsigned g = lane / 4, t = 2 * (lane % 4);
    for (unsigned half = 0; half < 2; half++) {
      for (unsigned r = 0; r < 4; r++) a[g + 8 * (r & 1)][t + half + 8 * (r >> 1)] = from_bf16((*of[lane]->a)[r] >> 16 * half & 0xffff);
      for (unsigned r = 0; r < 2; r++) b[t + half + 8 * r][g] = from_bf16((*of[lane]->b)[r] >> 16 * half & 0xffff);
    }
  }
  for (unsigned lane = 0; lane < kWarp; lane++) {
    for (unsigned i = 0; i < 4; i++) {
      const unsigned row = lane / 4 + 8 * (i >> 1), column = 2 * (lane % 4) + (i & 1);
      float sum = 0;
      for (int k = 0; k < 16; k++) sum += a[row][k] * b[k][column];
      (*of[lane]->c)[i] += sum;
    }
  }
}

}  // namespace

bool has_tensor_cores = true;

uint32_t shared_address(const void *memory, const std::source_location &site) { return shared_offset(memory, site); }

void copy_async(uint32_t to, const void *from, int room, int bytes, const std::source_location &site) {
  if (bytes < 0 || bytes > room) report("async-copy", site, "a copy of " + std::to_string(bytes) + " bytes");
  if (!is_inside(to, room, site)) return;
  if (reinterpret_cast<uintptr_t>(from) % static_cast<unsigned>(room)) report("misaligned", site, "the source of a copy");
  if (!is_device(from)) report("host-access", site, "the source of a copy is not in device memory");
  if (bytes > 0) touch(from, static_cast<size_t>(bytes), Touch::read, site);
  touch(shared_at(to), static_cast<size_t>(room), Touch::start_copy, site);
  std::memset(shared_at(to), 0xff, static_cast<size_t>(room));
  Copies &own = copies[self->linear];
  own.under_way.push_back({to, from, room, bytes, own.group, site});
}

void copy_async_commit() { copies[self->linear].group++; }

void copy_async_wait(int keep) {
  Copies &own = copies[self->linear];
  std::erase_if(own.under_way, [&](const Copy &copy) {
    if (copy.group >= own.group - keep) return false;
    finish_copy(copy.to, static_cast<size_t>(copy.room));
    std::memset(shared_at(copy.to), 0, static_cast<size_t>(copy.room));
    std::memcpy(shared_at(copy.to), copy.from, static_cast<size_t>(copy.bytes));
    return true;
  });
}

void expect_no_copies() {
  Copies &own = copies[self->linear];
  if (!own.under_way.empty()) report("async-copy", own.under_way.front().site, "nobody waits for this copy before the thread ends");
  own = {};
}

void load_matrices(uint32_t (&to)[4], uint32_t row, bool transposed, const std::source_location &site) {
  MatrixRow own{row, &to, transposed, site};
  collective(Collective::load_matrix, ~0u, &own, load_all, site);
}

void multiply_matrices(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], const std::source_location &site) {
  Fragments own{&c, &a, &b};
  collective(Collective::multiply, ~0u, &own, multiply_all, site);
}

}  // namespace emulator
