// Uses the pool of threads in every way that the addon does, and at once. Built with ThreadSanitizer, which ends the program with a report
// at the first race. Prints what was wrong and exits with 1 if a chunk was lost or done twice.
//   thread_pool [planted]   planted: with a race, so that a test sees that races are reported
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "cpu/threads.h"

namespace distill {
namespace {

constexpr int64_t kChunks = 100;
constexpr int kRounds = 200;

void expect(bool holds, const char *what) {
  if (!holds) throw std::runtime_error(what);
}

// How often each chunk of a loop was done.
class Counts {
 public:
  void add(int64_t chunk) { ++counts_[static_cast<size_t>(chunk)]; }
  bool all(int times) const {
    for (const int count : counts_)
      if (count != times) return false;
    return true;
  }
  int most() const {
    int most = 0;
    for (const int count : counts_) most = std::max(most, count);
    return most;
  }

 private:
  std::vector<int> counts_ = std::vector<int>(kChunks);  // not atomic: a chunk that two threads do at once is a race
};

void every_chunk_once() {
  Counts counts;
  parallel_for(kChunks, [&](int64_t chunk) { counts.add(chunk); });
  expect(counts.all(1), "a chunk was not done once");
}

// Inner loops in the chunks of an outer one, with scratch memory of the threads that do them.
void nested() {
  std::vector<Counts> counts(8);
  parallel_for(8, [&](int64_t outer) {
    auto *kept = static_cast<int64_t *>(scratch(0, 8));
    *kept = outer;
    parallel_for(kChunks, [&](int64_t chunk) {
      auto *own = static_cast<int64_t *>(scratch(1, 8 + 8 * chunk));
      *own = chunk;
      counts[static_cast<size_t>(outer)].add(chunk);
      expect(*own == chunk, "another thread used the scratch memory of this one");
    });
    expect(*kept == outer, "an inner loop used the scratch memory of the outer one");
  });
  for (const Counts &inner : counts) expect(inner.all(1), "an inner chunk was not done once");
}

// The caller gets one of the exceptions, once all threads have left the loop.
void exceptions() {
  Counts counts;
  bool caught = false;
  try {
    parallel_for(kChunks, [&](int64_t chunk) {
      counts.add(chunk);
      if (chunk % 10 == 5) throw std::runtime_error("chunk " + std::to_string(chunk));
    });
  } catch (const std::runtime_error &error) {
    caught = std::strncmp(error.what(), "chunk ", 6) == 0;
  }
  expect(caught, "an exception was lost");
  expect(counts.most() == 1, "a chunk was done twice");
  every_chunk_once();
}

// A flag that another thread sets, and takes back at once.
void stopped() {
  std::atomic<int32_t> flag = 0;
  Counts counts;
  std::thread other([&] { flag = 1, flag = 0; });
  {
    StopOn stop(&flag);
    parallel_for(4, [&](int64_t) { parallel_for(kChunks / 4, [](int64_t) {}); });
    parallel_for(kChunks, [&](int64_t chunk) { counts.add(chunk); });
    expect(counts.most() <= 1, "a chunk was done twice");
    expect(stop.cut() || counts.all(1), "a chunk was left out, and nobody says so");
  }
  other.join();
  every_chunk_once();
}

// Left out from the first chunk on, in this thread's loops alone.
void stopped_before() {
  const std::atomic<int32_t> flag = 1;
  Counts counts;
  StopOn stop(&flag);
  parallel_for(kChunks, [&](int64_t chunk) { counts.add(chunk); });
  expect(stop.cut() && counts.all(0), "a stop was not noticed");
  std::thread(every_chunk_once).join();
}

// What each of several threads does.
void caller(int number) {
  const std::function<void()> uses[] = {every_chunk_once, nested, exceptions, stopped, stopped_before};
  for (int round = 0; round < kRounds; ++round) uses[(round + number) % 5]();
}

void resizes() {
  for (int round = 0; round < kRounds; ++round) set_threads(1 + round % 5), every_chunk_once();
}

void planted() {
  int64_t sum = 0;
  while (sum < 100'000) parallel_for(kChunks, [&](int64_t) { ++sum; });
}

int run(const std::vector<std::function<void()>> &bodies) {
  std::vector<std::thread> threads;
  std::vector<std::string> problems(bodies.size());
  for (size_t i = 0; i < bodies.size(); ++i) {
    threads.emplace_back([&, i] {
      try {
        bodies[i]();
      } catch (const std::exception &error) {
        problems[i] = error.what();
      }
    });
  }
  for (std::thread &thread : threads) thread.join();
  int status = 0;
  for (const std::string &problem : problems) {
    if (problem.empty()) continue;
    std::fprintf(stderr, "%s\n", problem.c_str());
    status = 1;
  }
  return status;
}

}  // namespace
}  // namespace distill

int main(int count, char **arguments) {
  using namespace distill;
  set_threads(4);
  if (count > 1 && std::strcmp(arguments[1], "planted") == 0) return run({planted});
  return run({[] { caller(0); }, [] { caller(1); }, [] { caller(2); }, resizes});
}
