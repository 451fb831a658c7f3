// Whether what a script read on one device is what it read on another.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "testing/driver/calls.h"
#include "testing/driver/player.h"

namespace distill::driver {

using Contents = std::vector<Player::Content>;
using Mistakes = std::vector<std::string>;

// Of all files. Throws if one cannot be read or is not in the format.
std::vector<Script> scripts_of(std::span<char *> paths);

// An error while looking for mistakes counts as a mistake, unless nothing works any more.
Mistakes mistakes_or_error(const std::function<Mistakes()> &find);

Contents played(Device &device, const Script &script, Replay replay);

// What differs by more than the script allows
Mistakes errors(const Contents &actual, const Contents &expected);
bool same_bits(const Contents &a, const Contents &b);

// "right TITLE", or a line that begins with "WRONG TITLE" for each mistake
void print_outcome(const Script &script, const Mistakes &mistakes);

}  // namespace distill::driver
