#include "testing/driver/comparison.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "cuda/errors.h"
#include "testing/driver/values.h"

namespace distill::driver {

std::vector<Script> scripts_of(std::span<char *> paths) {
  std::vector<Script> scripts;
  for (const std::string path : paths) {
    std::ifstream lines(path);
    if (!lines) throw std::runtime_error(path + " cannot be read");
    for (Script &script : read_scripts(lines)) scripts.push_back(std::move(script));
  }
  return scripts;
}

Mistakes mistakes_or_error(const std::function<Mistakes()> &find) {
  try {
    return find();
  } catch (const CudaDeviceLost &) {
    throw;
  } catch (const std::exception &error) {
    return {error.what()};
  }
}

Contents played(Device &device, const Script &script, Replay replay) {
  Player player(device, replay);
  player.play(script.calls);
  return player.contents();
}

Mistakes errors(const Contents &actual, const Contents &expected) {
  Mistakes found;
  for (size_t i = 0; i < expected.size(); i++) {
    const auto &[name, values, tolerance, count] = expected[i];
    const double error = relative_error(actual[i].values, values, count > 0 ? count : values.size());
    // True for NaN, too.
    if (!(error <= tolerance)) found.push_back(name + ": relative error " + std::to_string(error));
  }
  return found;
}

bool same_bits(const Contents &a, const Contents &b) {
  return std::ranges::equal(a, b, [](const Player::Content &x, const Player::Content &y) {
    return x.values.size() == y.values.size() && std::memcmp(x.values.data(), y.values.data(), x.values.size() * sizeof(float)) == 0;
  });
}

void print_outcome(const Script &script, const Mistakes &mistakes) {
  for (const std::string &mistake : mistakes) std::printf("WRONG %s: %s\n", script.title.c_str(), mistake.c_str());
  if (mistakes.empty()) std::printf("right %s\n", script.title.c_str());
}

}  // namespace distill::driver
