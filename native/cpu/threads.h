// The pool of worker threads; threads.cpp is the only place that knows how many there are.
#pragma once

#include <atomic>
#include <cstdint>

namespace distill {

// Calls body(context, i) once for every i in [0, chunks), on any thread, in any order; returns when all are done. Chunks must depend
// only on the shape of the work, and sums over chunks must be in chunk order, so that no result depends on the thread count.
void parallel_for(int64_t chunks, void (*body)(void *context, int64_t chunk), void *context);

template <class Body>
void parallel_for(int64_t chunks, const Body &body) {
  parallel_for(
      chunks, [](void *context, int64_t chunk) { (*static_cast<const Body *>(context))(chunk); }, const_cast<Body *>(&body));
}

// While it lives, parallel_for on this thread leaves out the chunks that have not begun once the flag (or null) is not 0. What the op
// computes is then undefined.
class StopOn {
 public:
  explicit StopOn(const std::atomic<int32_t> *flag);
  ~StopOn();
  StopOn(const StopOn &) = delete;

  // Asked before a chunk begins; if it says yes, the chunk is left out.
  bool stops() {
    if (!flag_ || flag_->load(std::memory_order_relaxed) == 0) return false;
    cut_ = true;
    return true;
  }
  // Whether a chunk was left out, even if the flag is 0 again by now.
  bool cut() const { return cut_; }

 private:
  const std::atomic<int32_t> *flag_;
  std::atomic<bool> cut_ = false;
};

void set_threads(int count);
int threads();

// Working memory of the calling thread: at least `bytes`, 64-byte aligned, kept between calls, content undefined. `slot` (0 ... 11)
// distinguishes buffers that are needed at the same time. A larger request frees the slot's old buffer.
void *scratch(int slot, int64_t bytes);

}  // namespace distill
