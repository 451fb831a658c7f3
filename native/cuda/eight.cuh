// Eight neighbouring floats at once: 16 bytes of bf16, or twice 16 bytes of fp32, if they are aligned; otherwise one by one.
#pragma once

#include "cuda/tensor_cores.cuh"

namespace distill::gpu {

struct Eight {
  float of[8];
};

// of[i] = value(i)
template <class Value>
__device__ inline Eight eight_of(const Value &value) {
  Eight values;
  GPU_UNROLL
  for (int i = 0; i < 8; i++) values.of[i] = value(i);
  return values;
}

__device__ inline bool aligned(const void *memory) { return reinterpret_cast<uintptr_t>(memory) % 16 == 0; }

__device__ inline void unpack(uint32_t packed, float &low, float &high) {
  low = __uint_as_float(packed << 16);
  high = __uint_as_float(packed & 0xffff0000);
}

// x[at] ... x[at + count - 1], followed by zeros
__device__ inline Eight load8(Floats x, int64_t at, int count = 8) {
  const Floats from = x + at;
  Eight values = {};
  if (count < 8 || !aligned(from.data)) {
    for (int i = 0; i < min(count, 8); i++) values.of[i] = from[i];
  } else if (from.storage == Storage::f32) {
    const float4 low = load4(from.f32()), high = load4(from.f32() + 4);
    values = {{low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w}};
  } else {
    const float4 packed = load4(static_cast<const float *>(from.data));
    unpack(__float_as_uint(packed.x), values.of[0], values.of[1]);
    unpack(__float_as_uint(packed.y), values.of[2], values.of[3]);
    unpack(__float_as_uint(packed.z), values.of[4], values.of[5]);
    unpack(__float_as_uint(packed.w), values.of[6], values.of[7]);
  }
  return values;
}

// y[at] ... y[at + count - 1]
__device__ inline void store8(FloatsOut y, int64_t at, const Eight &values, int count = 8) {
  const float(&of)[8] = values.of;
  const FloatsOut to = y + at;
  if (count < 8 || !aligned(to.data)) {
    for (int i = 0; i < min(count, 8); i++) to[i] = of[i];
  } else if (to.storage == Storage::f32) {
    store4(to.f32(), {of[0], of[1], of[2], of[3]});
    store4(to.f32() + 4, {of[4], of[5], of[6], of[7]});
  } else {
    const auto packed = [&](int i) { return __uint_as_float(pack_bf16(of[i], of[i + 1])); };
    store4(static_cast<float *>(to.data), {packed(0), packed(2), packed(4), packed(6)});
  }
}

}  // namespace distill::gpu
