// distill_cpu_driver VARIANT FILE...: plays the scripts in the files (driver/calls.h) with a variant of the processor's ops, such as neon.
// Exit status 1 if a script fails. For each it prints whether the variant's reads match the scalar ops' and are bitwise equal with one and
// two threads.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <span>

#include "cpu/features.h"
#include "cpu/select.h"
#include "cpu/threads.h"
#include "testing/driver/comparison.h"

using namespace distill;
using namespace distill::driver;

namespace {

Contents played_with(Isa isa, int threads, const Script &script) {
  select_isa(isa);
  set_threads(threads);
  return played(cpu_device(), script, Replay::call_by_call);
}

Mistakes compare(Isa isa, const Script &script) {
  const Contents expected = played_with(Isa::scalar, 1, script), actual = played_with(isa, 1, script);
  if (expected.empty()) return {"nothing is compared"};
  Mistakes found = errors(actual, expected);
  if (!same_bits(actual, played_with(isa, 2, script))) found.push_back("other bits with two threads");
  return found;
}

// Whether it is right.
bool play(Isa isa, const Script &script) {
  const Mistakes mistakes = mistakes_or_error([&] { return compare(isa, script); });
  print_outcome(script, mistakes);
  return mistakes.empty();
}

}  // namespace

int main(int count, char **arguments) {
  const std::vector<Isa> &isas = available_isas();
  const auto isa = std::ranges::find_if(isas, [&](Isa each) { return count > 1 && std::strcmp(isa_name(each), arguments[1]) == 0; });
  if (count < 3 || isa == isas.end()) {
    std::fprintf(stderr, "usage: distill_cpu_driver VARIANT FILE...; this processor runs");
    for (const Isa each : isas) std::fprintf(stderr, " %s", isa_name(each));
    std::fprintf(stderr, "\n");
    return 2;
  }
  try {
    std::printf("%s\n", cpu_description().name.c_str());
    const std::vector<Script> scripts = scripts_of(std::span(arguments + 2, arguments + count));
    const auto wrong = std::ranges::count_if(scripts, [&](const Script &script) { return !play(*isa, script); });
    std::printf("%zu played, %td wrong\n", scripts.size(), wrong);
    return wrong > 0;
  } catch (const std::exception &error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
