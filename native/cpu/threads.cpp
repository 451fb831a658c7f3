#include "cpu/threads.h"

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "cpu/features.h"
#include "cpu/memory.h"

namespace distill {

namespace {

using Clock = std::chrono::steady_clock;
// Ops follow each other within microseconds: waking a sleeping thread each time would cost more than it gains.
constexpr auto kSpin = std::chrono::microseconds(200);

void pause() {
#if defined(DISTILL_X86)
  __builtin_ia32_pause();
#elif defined(DISTILL_ARM64)
  __asm__ volatile("yield");
#endif
}

// Spins until done() holds, for at most kSpin; returns whether it holds.
template <class Done>
bool spin_until(const Done &done) {
  const auto end = Clock::now() + kSpin;
  do {
    for (int i = 0; i < 64; ++i) {
      if (done()) return true;
      pause();
    }
  } while (Clock::now() < end);
  return done();
}

thread_local StopOn *stop_on = nullptr;

bool stopped(StopOn *stop) { return stop && stop->stops(); }

struct Job {
  int64_t chunks = 0;
  void (*body)(void *, int64_t) = nullptr;
  void *context = nullptr;
  StopOn *stop = nullptr;
  std::atomic<int64_t> next = 0;
  std::atomic_flag failed;
  std::exception_ptr failure;

  void run_chunks() {
    try {
      for (int64_t chunk = next++; chunk < chunks && !stopped(stop); chunk = next++) body(context, chunk);
    } catch (...) {
      if (!failed.test_and_set()) failure = std::current_exception();
      next = chunks;
    }
  }
};

// Runs one job at a time. The caller works on it too. It waits only for workers that have joined, never for one that the system has not
// scheduled yet: with other programs running, that could take a whole time slice.
class Pool {
 public:
  ~Pool() { stop(); }

  int size() const { return size_; }

  void resize(int count) {
    while (busy_.test_and_set()) std::this_thread::yield();
    stop();
    size_ = count;
    busy_.clear();
  }

  void run(int64_t chunks, void (*body)(void *, int64_t), void *context) {
    // Nested in a chunk, or another thread is using the pool: run on this thread, with the same result.
    if (chunks <= 1 || size_ == 1 || busy_.test_and_set()) {
      for (int64_t chunk = 0; chunk < chunks && !stopped(stop_on); ++chunk) body(context, chunk);
      return;
    }
    job_.chunks = chunks;
    job_.body = body;
    job_.context = context;
    job_.stop = stop_on;
    job_.next = 0;
    start();
    open();
    job_.run_chunks();
    close();
    const std::exception_ptr failure = std::exchange(job_.failure, nullptr);
    job_.failed.clear();
    busy_.clear();
    if (failure) std::rethrow_exception(failure);
  }

 private:
  // Starts fewer workers than wanted if the system refuses more threads or memory.
  void start() try {
    while (static_cast<int>(workers_.size()) < size_ - 1) {
      const uint64_t seen = opened_;
      workers_.emplace_back([this, seen] { work(seen); });
    }
  } catch (const std::exception &) {
  }

  void stop() {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    for (std::thread &worker : workers_) worker.join();
    workers_.clear();
    stopping_ = false;
  }

  void open() {
    is_open_ = true;
    ++opened_;
    if (sleeping_ == 0) return;
    { std::lock_guard lock(mutex_); }  // held by a worker between its last check and its sleep
    wake_.notify_all();
  }

  void close() {
    is_open_ = false;
    const auto all_left = [this] { return inside_ == 0; };
    while (!spin_until(all_left)) std::this_thread::yield();
  }

  void work(uint64_t seen) {
    const auto called = [&] { return opened_ != seen || stopping_; };
    while (true) {
      if (!spin_until(called)) {
        std::unique_lock lock(mutex_);
        ++sleeping_;
        wake_.wait(lock, called);
        --sleeping_;
      }
      if (stopping_) return;
      seen = opened_;
      ++inside_;  // from here on close() waits for this thread, so an open job does not change
      if (is_open_) job_.run_chunks();
      --inside_;
    }
  }

  std::atomic_flag busy_;
  std::atomic<int> size_ = cpu_description().physical_cores;
  std::vector<std::thread> workers_;
  Job job_;
  std::atomic<bool> is_open_ = false, stopping_ = false;
  std::atomic<uint64_t> opened_ = 0;
  std::atomic<int> inside_ = 0, sleeping_ = 0;
  std::mutex mutex_;
  std::condition_variable wake_;
};

// Never destroyed: the process may end while workers sleep.
Pool &pool() {
  static Pool *const pool = new Pool;
  return *pool;
}

struct Scratch {
  void *memory = nullptr;
  int64_t bytes = 0;

  Scratch() = default;
  Scratch(const Scratch &) = delete;
  ~Scratch() {
    if (memory) free_aligned(memory, bytes);
  }

  void *grown_to(int64_t wanted) {
    if (wanted <= bytes) return memory;
    if (memory) free_aligned(std::exchange(memory, nullptr), std::exchange(bytes, 0));
    memory = allocate_aligned(wanted);
    bytes = wanted;
    return memory;
  }
};

}  // namespace

void parallel_for(int64_t chunks, void (*body)(void *context, int64_t chunk), void *context) { pool().run(chunks, body, context); }

StopOn::StopOn(const std::atomic<int32_t> *flag) : flag_(flag) { stop_on = this; }
StopOn::~StopOn() { stop_on = nullptr; }

void set_threads(int count) { pool().resize(count); }
int threads() { return pool().size(); }

void *scratch(int slot, int64_t bytes) {
  thread_local std::array<Scratch, 12> buffers;
  return buffers[static_cast<size_t>(slot)].grown_to(bytes);
}

}  // namespace distill
