#include <algorithm>
#include <cstring>
#include <vector>

#include "cuda/errors.h"
#include "cuda/gpu.cuh"
#include "cuda/memory.h"

namespace distill {

struct CudaRead {
  void *host = nullptr;  // pinned
  int64_t room = 0, bytes = 0;
  cudaEvent_t arrived{};
};

struct CudaRecording {
  cudaGraphExec_t graph{};
};

namespace gpu {

namespace {

// The number of recordings that hold addresses of the memory below, and whether one is being made.
int recordings;
bool is_recording;

void expect_no_recording(const char *what) {
  if (is_recording) throw CudaError(std::string(what) + " cannot be part of a recording");
}

// ---- Device memory

struct {
  void (*relieve)(void *owner) = nullptr;
  void *owner = nullptr;
} spare;

void *ask_device(int64_t bytes) {
  void *memory = nullptr;
  const cudaError_t status = cudaMalloc(&memory, static_cast<size_t>(bytes));
  if (status != cudaErrorMemoryAllocation)
    GPU_CHECK(status);
  else
    cudaGetLastError();  // so that the next launch does not see it
  return memory;
}

struct Workspace {
  void *memory = nullptr;
  int64_t bytes = 0;
} kept;
// Workspaces that recordings still use.
std::vector<void *> outgrown;

}  // namespace

void when_full(void (*relieve)(void *owner), void *owner) { spare = {relieve, owner}; }

void throw_out_of_memory(int64_t asked) {
  cudaGetLastError();  // so that the next launch does not see it
  size_t free = 0, total = 0;
  GPU_CHECK(cudaMemGetInfo(&free, &total));
  throw CudaOutOfMemory(asked, static_cast<int64_t>(free));
}

void *allocate(int64_t bytes) {
  if (void *memory = ask_device(bytes)) return memory;
  if (spare.relieve && !is_recording) {
    spare.relieve(spare.owner);
    if (void *memory = ask_device(bytes)) return memory;
  }
  throw_out_of_memory(bytes);
}

// Waits for work that still uses the memory.
void free(void *memory) { GPU_CHECK(cudaFree(memory)); }

void *workspace(int64_t bytes) {
  if (bytes > kept.bytes) {
    if (kept.memory) recordings > 0 || is_recording ? outgrown.push_back(kept.memory) : free(kept.memory);
    kept = {};
    kept.memory = allocate(bytes);
    kept.bytes = bytes;
  }
  return kept.memory;
}

// ---- From the host, through pinned memory, so that the host need not wait for a copy

namespace {

// Filled from the front. A part is reused once the copies out of it are done.
class Staging {
 public:
  static constexpr int64_t kPart = int64_t{4} << 20;

  // Room for `bytes`, at most kPart, that the next queued work may read.
  char *take(int64_t bytes) {
    if (!parts_[0].memory) create();
    if (used_ + bytes > kPart) turn();
    char *room = parts_[current_].memory + used_;
    used_ += (bytes + 255) / 256 * 256;
    return room;
  }

 private:
  struct Part {
    char *memory = nullptr;
    cudaEvent_t copied{};
  };

  void create() {
    for (Part &part : parts_) {
      void *memory = nullptr;
      GPU_CHECK(cudaMallocHost(&memory, kPart));
      GPU_CHECK(cudaEventCreateWithFlags(&part.copied, cudaEventDisableTiming));
      part.memory = static_cast<char *>(memory);
    }
  }
  void turn() {
    GPU_CHECK(cudaEventRecord(parts_[current_].copied, stream()));
    current_ = (current_ + 1) % kParts;
    used_ = 0;
    GPU_CHECK(cudaEventSynchronize(parts_[current_].copied));
  }

  static constexpr int kParts = 4;
  Part parts_[kParts];
  int current_ = 0;
  int64_t used_ = 0;
} staging;

}  // namespace

void upload(void *to, const void *from_host, int64_t bytes) {
  expect_no_recording("a copy from the host");
  for (int64_t done = 0; done < bytes;) {
    const int64_t piece = std::min(bytes - done, Staging::kPart);
    char *room = staging.take(piece);
    std::memcpy(room, static_cast<const char *>(from_host) + done, static_cast<size_t>(piece));
    GPU_CHECK(cudaMemcpyAsync(static_cast<char *>(to) + done, room, static_cast<size_t>(piece), cudaMemcpyHostToDevice, stream()));
    done += piece;
  }
}

// ---- To the host

void download(void *to_host, const void *from, int64_t bytes) {
  expect_no_recording("a copy to the host");
  GPU_CHECK(cudaMemcpyAsync(to_host, from, static_cast<size_t>(bytes), cudaMemcpyDeviceToHost, stream()));
  GPU_CHECK(cudaStreamSynchronize(stream()));
}

namespace {

std::vector<CudaRead *> idle_reads;

CudaRead *idle_read(int64_t bytes) {
  const auto found = std::find_if(idle_reads.begin(), idle_reads.end(), [=](const CudaRead *read) { return read->room >= bytes; });
  if (found != idle_reads.end()) {
    CudaRead *read = *found;
    idle_reads.erase(found);
    return read;
  }
  auto *read = new CudaRead;
  GPU_CHECK(cudaMallocHost(&read->host, static_cast<size_t>(bytes)));
  GPU_CHECK(cudaEventCreateWithFlags(&read->arrived, cudaEventDisableTiming));
  read->room = bytes;
  return read;
}

}  // namespace

CudaRead *download_later(const void *from, int64_t bytes) {
  expect_no_recording("a copy to the host");
  CudaRead *read = idle_read(bytes);
  read->bytes = bytes;
  GPU_CHECK(cudaMemcpyAsync(read->host, from, static_cast<size_t>(bytes), cudaMemcpyDeviceToHost, stream()));
  GPU_CHECK(cudaEventRecord(read->arrived, stream()));
  return read;
}

void finish(CudaRead *read, void *to_host) {
  idle_reads.push_back(read);
  GPU_CHECK(cudaEventSynchronize(read->arrived));
  if (to_host) std::memcpy(to_host, read->host, static_cast<size_t>(read->bytes));
}

// ---- Recordings

// Relaxed mode: memory may be allocated in the meantime.
void begin_recording() {
  expect_no_recording("a recording");
  GPU_CHECK(cudaStreamBeginCapture(stream(), cudaStreamCaptureModeRelaxed));
  is_recording = true;
}

CudaRecording *end_recording() {
  is_recording = false;
  cudaGraph_t captured{};
  GPU_CHECK(cudaStreamEndCapture(stream(), &captured));
  auto *made = new CudaRecording;
  const cudaError_t status = cudaGraphInstantiate(&made->graph, captured, 0);
  GPU_CHECK(cudaGraphDestroy(captured));
  GPU_CHECK(status);
  recordings++;
  return made;
}

void replay(const CudaRecording *recording) { GPU_CHECK(cudaGraphLaunch(recording->graph, stream())); }

void forget(CudaRecording *recording) {
  const cudaGraphExec_t graph = recording->graph;
  delete recording;
  recordings--;
  // Work that is already queued still runs to its end.
  GPU_CHECK(cudaStreamSynchronize(stream()));
  GPU_CHECK(cudaGraphExecDestroy(graph));
  if (recordings > 0) return;
  for (void *memory : outgrown) free(memory);
  outgrown.clear();
}

}  // namespace gpu

}  // namespace distill
