#pragma once

#include <cstdint>

namespace distill {

// XXH64 with seed 0 (github.com/Cyan4973/xxHash, doc/xxhash_spec.md).
uint64_t checksum(const void *data, int64_t bytes);

}  // namespace distill
