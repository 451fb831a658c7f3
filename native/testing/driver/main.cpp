// distill_gpu_driver LIBRARY FILE...: plays the scripts in the files (calls.h) on the GPU, or on the emulator. Exit status 1 if a script
// fails. For each script it prints
//   with timed calls   how long each takes, and how close that is to what the GPU's arithmetic and memory allow
//   with a step        how long the step takes
//   otherwise          whether it is right: its reads match the processor's scalar ops and, if it asks for that, are bitwise equal
//                      whether its recordings are CUDA graphs or run call by call
#include <algorithm>
#include <cstdio>
#include <span>

#include "cpu/select.h"
#include "cpu/variants.h"
#include "testing/driver/comparison.h"
#include "testing/driver/gpu.h"
#include "testing/driver/player.h"

using namespace distill;
using namespace distill::driver;

namespace {

// ---- Right or wrong

Mistakes compare(Gpu &gpu, const Script &script) {
  const Contents expected = played(cpu_device(), script, Replay::call_by_call);
  if (expected.empty()) return {"nothing is compared"};
  if (!script.compares_bits()) return errors(played(gpu.device, script, Replay::recorded), expected);
  const Contents actual = played(gpu.device, script, Replay::call_by_call);
  Mistakes found = errors(actual, expected);
  const Mistakes recorded = mistakes_or_error([&]() -> Mistakes {
    if (same_bits(actual, played(gpu.device, script, Replay::recorded))) return {};
    return {"other bits"};
  });
  for (const std::string &mistake : recorded) found.push_back("recorded and replayed: " + mistake);
  return found;
}

// ---- Times

// From the data sheets, without sparsity: dense bf16 products and fp32 arithmetic in 1e12 flop/s, memory in 1e9 bytes/s.
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

void print_share(const Cost &cost, double seconds, const Peak &peak) {
  const double least = std::max(cost.flops / (1e12 * (cost.is_bf16 ? peak.bf16 : peak.fp32)), cost.bytes / (1e9 * peak.memory));
  std::printf(" %5.1f %% of the roofline", 100 * least / seconds);
}

void time_calls(Gpu &gpu, const Script &script) {
  const Peak *peak = peak_of(gpu.description.name);
  std::printf("%s: %s; %s\n", script.title.c_str(), gpu.description.name,
              peak ? "peaks of its data sheet" : "its peaks are not known here, so no share of the roofline");
  Player player(gpu.device, Replay::call_by_call);
  for (const CallLine &line : script.calls) {
    if (!line.cost) {
      player.play(line);
      continue;
    }
    const double seconds = seconds_of(gpu, [&] { player.play(line); });
    std::printf("  %-26s %9.1f us %8.1f TFLOP/s %8.0f GB/s", line.method.c_str(), 1e6 * seconds, 1e-12 * line.cost->flops / seconds,
                1e-9 * line.cost->bytes / seconds);
    if (peak) print_share(*line.cost, seconds, *peak);
    std::printf("\n");
  }
}

void time_step(Gpu &gpu, const Script &script) {
  Player player(gpu.device, Replay::recorded);
  player.play(script.calls);
  const double seconds = seconds_of(gpu, [&] { player.play(script.step); });
  std::printf("%-56s %9.0f images/s %9.3f ms %7.0f MB at most\n", script.title.c_str(), static_cast<double>(script.images) / seconds,
              1e3 * seconds, 1e-6 * static_cast<double>(player.peak_bytes()));
}

// ---- All scripts

// Whether it is right.
bool play(Gpu &gpu, const Script &script) {
  const bool is_compared = script.images == 0 && !script.times_calls();
  const Mistakes mistakes = mistakes_or_error([&]() -> Mistakes {
    if (is_compared) return compare(gpu, script);
    script.images > 0 ? time_step(gpu, script) : time_calls(gpu, script);
    return {};
  });
  if (is_compared || !mistakes.empty()) print_outcome(script, mistakes);
  return mistakes.empty();
}

}  // namespace

// The driver's processor backend: kernels are compared with code that is easy to read, not fast.
const Ops &distill::cpu_ops() {
  static constexpr Ops kScalarOps = {
#define DISTILL_TAKE(name, Arguments) scalar::name,
      DISTILL_OPS(DISTILL_TAKE)
#undef DISTILL_TAKE
  };
  return kScalarOps;
}

int main(int count, char **arguments) {
  if (count < 3) {
    std::fprintf(stderr, "usage: distill_gpu_driver LIBRARY FILE...\n");
    return 2;
  }
  // If this program is ended early, its findings so far are kept.
  std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
  try {
    const std::vector<Script> scripts = scripts_of(std::span(arguments + 2, arguments + count));
    Gpu gpu(arguments[1]);
    const auto wrong = std::ranges::count_if(scripts, [&](const Script &script) { return !play(gpu, script); });
    std::printf("%zu played, %td wrong\n", scripts.size(), wrong);
    return wrong > 0;
  } catch (const std::exception &error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
