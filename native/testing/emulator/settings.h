// The emulated device's properties from DISTILL_EMULATOR, such as "memory=1000000,lost-after=40"; read again at each query.
#pragma once

#include <cstdint>
#include <optional>

namespace emulator {

// memory: bytes; driver: the CUDA version that it supports, such as 12020; capability: 75 for 7.5; compiled-for: the code's, likewise;
// lost-after: pieces of work until every call fails; crash: with any value, the process ends by a signal when it counts devices; hang: it
// waits there.
std::optional<int64_t> setting(const char *name);

}  // namespace emulator
