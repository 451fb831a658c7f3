// What the emulator found wrong, one line per kind and place.
#pragma once

#include <source_location>
#include <string>
#include <vector>

namespace emulator {

// A place in a kernel: known from a call's site, or looked up from the address of an instruction.
struct Place {
  const char *file = nullptr;
  unsigned line = 0;
  const void *instruction = nullptr;

  Place(const std::source_location &site) : file(site.file_name()), line(site.line()) {}
  explicit Place(const void *instruction) : instruction(instruction) {}
  std::string text() const;  // "gemm.cu:42"
};

// kind: shared-race, global-race, out-of-bounds, uninitialised, host-access, misaligned, divergent-barrier, divergent-warp, deadlock,
// async-copy, bad-launch, bad-free, no-tensor-cores. Of one kind and place only the first is kept.
void report(const char *kind, const Place &place, const std::string &text);

// All since the last call, and forgets them.
std::vector<std::string> take_reports();
// Too many to be worth going on with a launch.
bool too_many_reports();

}  // namespace emulator
