// distill_cuda_bench LIBRARY < cases: runs every case on the GPU, or on the emulator, against the scalar ops of the processor, op by op and
// recorded as a CUDA graph, which has to give the same bits. With --time: instead, how long each op of the timed cases takes, and how near
// that is to what the GPU's arithmetic and memory allow. Exit status 1 if a case is wrong.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <numeric>

#include "cpu/variants.h"
#include "cuda/bench/problem.h"
#include "cuda/opening.h"

using namespace distill;
using namespace distill::bench;

namespace {

constexpr double kToleranceF32 = 1e-5, kToleranceBf16 = 1e-2;  // relative L2 error

constexpr Ops kScalarOps = {
#define DISTILL_TAKE(name, Arguments) scalar::name,
    DISTILL_OPS(DISTILL_TAKE)
#undef DISTILL_TAKE
};

class Processor : public Side {
 public:
  const Ops &ops() const override { return kScalarOps; }
  void *allocate(int64_t bytes) override { return std::malloc(static_cast<size_t>(bytes)); }
  void free(void *memory) override { std::free(memory); }
  void write(void *to, const void *from, int64_t bytes) override { std::memcpy(to, from, static_cast<size_t>(bytes)); }
  void read(void *to, const void *from, int64_t bytes) override { std::memcpy(to, from, static_cast<size_t>(bytes)); }
};

class Gpu : public Side {
 public:
  explicit Gpu(const std::string &path) : library(cuda_library(path)), description((count_gpus(library), describe_gpu(library, 0))) {
    expect_usable(description);
    library.open(0);
    check(library);
  }
  const Ops &ops() const override { return *library.ops; }
  void *allocate(int64_t bytes) override { return checked(library.allocate(bytes)); }
  void free(void *memory) override { library.free(memory); }
  void write(void *to, const void *from, int64_t bytes) override { library.write(to, from, bytes); }
  void read(void *to, const void *from, int64_t bytes) override {
    library.read(to, from, bytes);
    check(library);
  }
  void wait() {
    library.synchronize();
    check(library);
  }
  CudaRecording *record(const std::vector<Call> &calls) {
    library.begin_recording();
    for (const Call &call : calls) call.queue();
    return checked(library.end_recording());
  }

  const CudaLibrary &library;
  const CudaDeviceDescription description;

 private:
  template <class Result>
  Result checked(Result result) {
    check(library);
    return result;
  }
};

// ---- Right or wrong

using Outputs = std::map<std::string, std::vector<float>>;

double relative_error(const std::vector<float> &actual, const std::vector<float> &expected) {
  double difference = 0, norm = 0;
  for (size_t i = 0; i < expected.size(); i++) {
    difference += (double{actual[i]} - expected[i]) * (double{actual[i]} - expected[i]);
    norm += double{expected[i]} * expected[i];
  }
  return std::sqrt(norm > 0 ? difference / norm : difference);
}

Outputs run(Problem &problem) {
  problem.load();
  for (const Call &call : problem.calls()) call.queue();
  return problem.outputs();
}

Outputs replayed(Gpu &gpu, Problem &problem) {
  CudaRecording *recording = gpu.record(problem.calls());
  problem.load();
  gpu.library.replay(recording);
  Outputs outputs = problem.outputs();
  gpu.library.forget(recording);
  return outputs;
}

bool same_bits(const Outputs &a, const Outputs &b) {
  for (const auto &[name, values] : a)
    if (std::memcmp(values.data(), b.at(name).data(), values.size() * sizeof(float)) != 0) return false;
  return a.size() == b.size();
}

// What is wrong, one line each.
std::vector<std::string> mistakes(Gpu &gpu, const Case &test) {
  Processor processor;
  Problem reference(processor, test), problem(gpu, test);
  const Outputs expected = run(reference), actual = run(problem);
  std::vector<std::string> found;
  for (const auto &[name, values] : expected) {
    const double error = relative_error(actual.at(name), values), tolerance = test.stored.empty() ? kToleranceF32 : kToleranceBf16;
    // Also where the error is not a number.
    if (!(error <= tolerance)) found.push_back(name + ": relative error " + std::to_string(error));
  }
  if (problem.can_be_recorded() && !same_bits(actual, replayed(gpu, problem))) found.push_back("recorded and replayed: other bits");
  return found;
}

int check_cases(Gpu &gpu, const std::vector<Case> &cases) {
  int wrong = 0;
  for (const Case &test : cases) {
    std::vector<std::string> found;
    try {
      found = mistakes(gpu, test);
    } catch (const CudaDeviceLost &) {
      throw;
    } catch (const std::exception &error) {
      found = {error.what()};
    }
    wrong += !found.empty();
    for (const std::string &mistake : found) std::printf("WRONG %s: %s\n", test.name.c_str(), mistake.c_str());
  }
  std::printf("%zu cases, %d wrong\n", cases.size(), wrong);
  return wrong > 0;
}

// ---- Times

// Of the makers' data sheets, without sparsity: dense bf16 products and fp32 arithmetic in 1e12 flop/s, memory in 1e9 bytes/s.
struct Peak {
  const char *name;
  double bf16, fp32, memory;
};
constexpr Peak kPeaks[] = {{"H200", 989, 67, 4800},     {"H100 PCIe", 756, 51, 2000}, {"H100", 989, 67, 3350}, {"A100", 312, 19.5, 1555},
                           {"RTX 4090", 165, 83, 1008}, {"RTX 3090", 71, 36, 936},    {"L4", 121, 30, 300},    {"B200", 2250, 80, 8000}};

const Peak *peak_of(const std::string &gpu) {
  const auto found =
      std::find_if(std::begin(kPeaks), std::end(kPeaks), [&](const Peak &peak) { return gpu.find(peak.name) != std::string::npos; });
  return found == std::end(kPeaks) ? nullptr : found;
}

// Median over rounds of calls queued one behind the other, in seconds.
double seconds_of(Gpu &gpu, const Call &call) {
  constexpr int kRounds = 9, kCalls = 20;
  std::vector<double> rounds;
  for (int round = 0; round <= kRounds; round++) {
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < kCalls; i++) call.queue();
    gpu.wait();
    rounds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() / kCalls);
  }
  rounds.erase(rounds.begin());  // warms up
  std::nth_element(rounds.begin(), rounds.begin() + kRounds / 2, rounds.end());
  return rounds[kRounds / 2];
}

void time_case(Gpu &gpu, const Case &test, const Peak *peak) {
  Problem problem(gpu, test);
  problem.load();
  for (const Call &call : problem.calls()) {
    const double seconds = seconds_of(gpu, call);
    std::printf("%-52s %-26s %9.1f us %8.1f TFLOP/s %8.0f GB/s", test.name.c_str(), call.op.c_str(), 1e6 * seconds,
                1e-12 * call.flops / seconds, 1e-9 * call.bytes / seconds);
    if (peak) {
      const double arithmetic = 1e12 * (test.stored.empty() ? peak->fp32 : peak->bf16);
      const double least = std::max(call.flops / arithmetic, call.bytes / (1e9 * peak->memory));
      std::printf(" %5.1f %% of the roofline", 100 * least / seconds);
    }
    std::printf("\n");
  }
}

int time_cases(Gpu &gpu, const std::vector<Case> &cases) {
  const Peak *peak = peak_of(gpu.description.name);
  std::printf("%s; %s\n", gpu.description.name,
              peak ? "peaks of its data sheet" : "its peaks are not known here, so no share of the roofline");
  for (const Case &test : cases)
    if (test.timed) time_case(gpu, test, peak);
  return 0;
}

}  // namespace

int main(int count, char **arguments) {
  const bool is_timing = count == 3 && arguments[2] == std::string("--time");
  if (count != 2 && !is_timing) {
    std::fprintf(stderr, "usage: distill_cuda_bench LIBRARY [--time] < cases\n");
    return 2;
  }
  try {
    Gpu gpu(arguments[1]);
    std::vector<Case> cases = read_cases(std::cin);
    if (cases.empty()) throw std::runtime_error("no cases on standard input; cases.py writes them");
    if (is_timing) return time_cases(gpu, cases);
    std::erase_if(cases, [](const Case &test) { return test.timed; });
    return check_cases(gpu, cases);
  } catch (const std::exception &error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
