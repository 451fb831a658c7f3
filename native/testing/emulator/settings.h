// What the emulated device is like, from DISTILL_EMULATOR: "memory=1000000,lost-after=40", read anew at each question.
#pragma once

#include <cstdint>
#include <optional>

namespace emulator {

// memory: bytes; driver: the CUDA version that it knows, as 12020; capability: 75 for 7.5; compiled-for: that of the code, likewise;
// lost-after: pieces of work until every call fails; crash: any value, the process ends by a signal where it counts devices; hang: it waits
// there.
std::optional<int64_t> setting(const char *name);

}  // namespace emulator
