// The emulator's findings, one line per kind and place.
#pragma once

#include <source_location>
#include <string>
#include <vector>

namespace emulator {

// A place in a kernel: known from the call site, or looked up by the address of an instruction.
struct Place {
  const char *file = nullptr;
  unsigned line = 0;
  const void *instruction = nullptr;

  Place(const std::source_location &site) : file(site.file_name()), line(site.line()) {}
  explicit Place(const void *instruction) : instruction(instruction) {}
  std::string text() const;  // "gemm.cu:42"
};

// kind: shared-race, global-race, out-of-bounds, uninitialised, host-access, misaligned, divergent-barrier, divergent-warp, deadlock,
// async-copy, bad-launch, bad-free, no-tensor-cores. Only the first of a kind and place is kept.
void report(const char *kind, const Place &place, const std::string &text);

// Returns and clears all findings since the last call.
std::vector<std::string> take_reports();
// Too many findings to continue a launch.
bool too_many_reports();

}  // namespace emulator
