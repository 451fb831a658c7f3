// What is right and how long it takes on the GPU, or on the emulator; exit status 1 if something is wrong.
//   distill_cuda_bench LIBRARY < cases           every case against the scalar ops of the processor, op by op and recorded as a CUDA graph,
//   which
//                                                has to give the same bits
//   distill_cuda_bench LIBRARY --time < cases    how long each op of the timed cases takes, and how near that is to what arithmetic and
//   memory
//                                                of the GPU allow
//   distill_cuda_bench LIBRARY --calls FILE...   what models and trainings give, against the processor; of files with a step, how long it
//   takes
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <span>

#include "cpu/select.h"
#include "cpu/variants.h"
#include "cuda/bench/calls.h"
#include "cuda/bench/gpu.h"
#include "cuda/bench/problem.h"

using namespace distill;
using namespace distill::bench;

namespace {

constexpr double kToleranceF32 = 1e-5, kToleranceBf16 = 1e-2;  // relative L2 error

// ---- Right or wrong

using Outputs = std::map<std::string, std::vector<float>>;

Outputs run(Problem &problem) {
  problem.load();
  for (const Call &call : problem.calls()) call.queue();
  return problem.outputs();
}

Outputs replayed(Device &device, Problem &problem) {
  device.begin_recording();
  for (const Call &call : problem.calls()) call.queue();
  const std::unique_ptr<Recording> recording = device.end_recording();
  problem.load();
  recording->replay();
  return problem.outputs();
}

bool same_bits(const Outputs &a, const Outputs &b) {
  for (const auto &[name, values] : a)
    if (std::memcmp(values.data(), b.at(name).data(), values.size() * sizeof(float)) != 0) return false;
  return a.size() == b.size();
}

// What is wrong, one line each.
std::vector<std::string> mistakes(Device &gpu, const Case &test) {
  Problem reference(cpu_device(), test), problem(gpu, test);
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

// What went wrong in finding mistakes is one too, unless nothing works any more.
template <class Find>
std::vector<std::string> mistakes_or_error(const Find &find) {
  try {
    return find();
  } catch (const CudaDeviceLost &) {
    throw;
  } catch (const std::exception &error) {
    return {error.what()};
  }
}

bool tell(const std::string &name, const std::vector<std::string> &mistakes) {
  for (const std::string &mistake : mistakes) std::printf("WRONG %s: %s\n", name.c_str(), mistake.c_str());
  return !mistakes.empty();
}

int check_cases(Device &gpu, const std::vector<Case> &cases) {
  int wrong = 0;
  for (const Case &test : cases) wrong += tell(test.name, mistakes_or_error([&] { return mistakes(gpu, test); }));
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

void time_case(Gpu &gpu, const Case &test, const Peak *peak) {
  Problem problem(gpu.device, test);
  problem.load();
  for (const Call &call : problem.calls()) {
    const double seconds = seconds_of(gpu, call.queue);
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
  bool wrong = false;
  for (const Case &test : cases)
    if (test.timed)
      wrong |= tell(test.name, mistakes_or_error([&] {
                      time_case(gpu, test, peak);
                      return std::vector<std::string>{};
                    }));
  return wrong;
}

// ---- Models and trainings

std::vector<std::string> play(Gpu &gpu, const CallFile &file) {
  if (file.images == 0) {
    std::vector<std::string> found = mistakes(gpu.device, file);
    if (found.empty()) std::printf("right %s\n", file.title.c_str());
    return found;
  }
  const auto [seconds, peak] = time_step(gpu, file);
  std::printf("%-56s %9.0f images/s %9.3f ms %7.0f MB at most\n", file.title.c_str(), static_cast<double>(file.images) / seconds,
              1e3 * seconds, 1e-6 * static_cast<double>(peak));
  return {};
}

int play_calls(Gpu &gpu, std::span<char *> paths) {
  bool wrong = false;
  for (const std::string path : paths) {
    std::ifstream lines(path);
    if (!lines) throw std::runtime_error(path + " cannot be read");
    const CallFile file = read_calls(lines);
    wrong |= tell(file.title, mistakes_or_error([&] { return play(gpu, file); }));
    std::fflush(stdout);
  }
  return wrong;
}

}  // namespace

// The processor of the driver: what a kernel is compared with is easy to read, not fast.
const Ops &distill::cpu_ops() {
  static constexpr Ops kScalarOps = {
#define DISTILL_TAKE(name, Arguments) scalar::name,
      DISTILL_OPS(DISTILL_TAKE)
#undef DISTILL_TAKE
  };
  return kScalarOps;
}

int main(int count, char **arguments) {
  const std::string mode = count > 2 ? arguments[2] : "";
  const bool is_playing = mode == "--calls" && count > 3, is_timing = mode == "--time" && count == 3;
  if (count != 2 && !is_timing && !is_playing) {
    std::fprintf(stderr, "usage: distill_cuda_bench LIBRARY [--time] < cases\n       distill_cuda_bench LIBRARY --calls FILE...\n");
    return 2;
  }
  try {
    Gpu gpu(arguments[1]);
    if (is_playing) return play_calls(gpu, std::span(arguments + 3, arguments + count));
    std::vector<Case> cases = read_cases(std::cin);
    if (cases.empty()) throw std::runtime_error("no cases on standard input; cases.py writes them");
    if (is_timing) return time_cases(gpu, cases);
    std::erase_if(cases, [](const Case &test) { return test.timed; });
    return check_cases(gpu.device, cases);
  } catch (const std::exception &error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
