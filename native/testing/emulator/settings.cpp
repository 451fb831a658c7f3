#include "testing/emulator/settings.h"

#include <cstdlib>
#include <string>

namespace emulator {

std::optional<int64_t> setting(const char *name) {
  const char *given = std::getenv("DISTILL_EMULATOR");
  const std::string settings = std::string(",") + (given ? given : ""), key = std::string(",") + name + "=";
  const size_t found = settings.find(key);
  if (found == std::string::npos) return std::nullopt;
  return std::atoll(settings.c_str() + found + key.size());
}

}  // namespace emulator
