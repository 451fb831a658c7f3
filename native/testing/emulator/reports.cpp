#include "testing/emulator/reports.h"

#include <dlfcn.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <set>
#include <utility>

#include "testing/emulator/machine.h"

namespace emulator {

namespace {

constexpr int kMost = 1000;

std::vector<std::string> reports;
std::set<std::string> seen;
int count;

std::string base_name(const char *path) {
  const char *slash = std::strrchr(path, '/');
  return slash ? slash + 1 : path;
}

// From the debug information of the file that contains the instruction.
std::string looked_up(const void *instruction) {
  Dl_info info;
  if (!dladdr(instruction, &info)) return "?";
  const auto offset = static_cast<const char *>(instruction) - static_cast<const char *>(info.dli_fbase) - 1;
  std::array<char, 512> text{};
  std::snprintf(text.data(), text.size(), "addr2line -s -e '%s' %#zx 2>/dev/null", info.dli_fname, static_cast<size_t>(offset));
  FILE *pipe = popen(text.data(), "r");
  if (!pipe) return "?";
  const bool read = std::fgets(text.data(), text.size(), pipe) != nullptr;
  pclose(pipe);
  std::string place = read ? text.data() : "?";
  return place.substr(0, place.find_first_of(" \n"));
}

std::string where_in_launch() {
  if (!self) return "";
  std::array<char, 120> text;
  std::snprintf(text.data(), text.size(), ", block (%u,%u,%u) thread %u", block_index.x, block_index.y, block_index.z, self->linear);
  return text.data();
}

}  // namespace

std::string Place::text() const { return file ? base_name(file) + ":" + std::to_string(line) : looked_up(instruction); }

void report(const char *kind, const Place &place, const std::string &text) {
  count++;
  const std::string key = std::string(kind) + (place.file ? place.text() : std::to_string(reinterpret_cast<uintptr_t>(place.instruction)));
  if (!seen.insert(key).second) return;
  reports.push_back(std::string(kind) + " at " + place.text() + ": " + text + where_in_launch());
}

std::vector<std::string> take_reports() {
  seen.clear();
  count = 0;
  return std::exchange(reports, {});
}

bool too_many_reports() { return count >= kMost; }

}  // namespace emulator
