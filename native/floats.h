// Numbers in memory: fp32, or bf16 to halve the bytes. All arithmetic is in fp32.
#pragma once

#include <cstdint>

// Always inlined: files compiled for different instruction sets share this header, and the linker would keep only one copy of a function
// that they share, with the instructions of any of them.
#if defined(__CUDACC__)
#define DISTILL_INLINE __host__ __device__ __forceinline__
#else
#define DISTILL_INLINE [[gnu::always_inline]] inline
#endif

namespace distill {

// The upper half of an fp32.
struct bf16 {
  uint16_t bits;
};

DISTILL_INLINE float to_float(bf16 value) {
  const uint32_t bits = uint32_t{value.bits} << 16;
  float number;
  __builtin_memcpy(&number, &bits, sizeof(number));
  return number;
}

DISTILL_INLINE float to_float(float value) { return value; }

// Rounds to nearest, ties to even. NaN stays NaN.
DISTILL_INLINE bf16 to_bf16(float value) {
  uint32_t bits;
  __builtin_memcpy(&bits, &value, sizeof(bits));
  if (value != value) return {static_cast<uint16_t>(bits >> 16 | 0x40)};
  return {static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16)};
}

enum class Storage { f32, bf16 };

// Floats that an op reads: an array that converts to fp32. Null where an op allows it.
struct Floats {
  const void *data = nullptr;
  Storage storage = Storage::f32;

  DISTILL_INLINE explicit operator bool() const { return data; }
  DISTILL_INLINE const float *f32() const { return static_cast<const float *>(data); }
  DISTILL_INLINE const bf16 *as_bf16() const { return static_cast<const bf16 *>(data); }
  DISTILL_INLINE float operator[](int64_t i) const { return storage == Storage::f32 ? f32()[i] : to_float(as_bf16()[i]); }
  DISTILL_INLINE Floats operator+(int64_t i) const {
    return storage == Storage::f32 ? Floats{f32() + i, storage} : Floats{as_bf16() + i, storage};
  }
};

// Floats that an op writes.
struct FloatsOut {
  void *data = nullptr;
  Storage storage = Storage::f32;

  // One element of the array
  struct Element {
    void *data;
    Storage storage;

    DISTILL_INLINE operator float() const { return Floats{data, storage}[0]; }
    DISTILL_INLINE Element &operator=(float value) {
      if (storage == Storage::f32)
        *static_cast<float *>(data) = value;
      else
        *static_cast<bf16 *>(data) = to_bf16(value);
      return *this;
    }
    DISTILL_INLINE Element &operator+=(float value) { return *this = *this + value; }
  };

  DISTILL_INLINE explicit operator bool() const { return data; }
  DISTILL_INLINE operator Floats() const { return {data, storage}; }
  DISTILL_INLINE float *f32() const { return static_cast<float *>(data); }
  DISTILL_INLINE bf16 *as_bf16() const { return static_cast<bf16 *>(data); }
  DISTILL_INLINE FloatsOut operator+(int64_t i) const {
    return storage == Storage::f32 ? FloatsOut{f32() + i, storage} : FloatsOut{as_bf16() + i, storage};
  }
  DISTILL_INLINE Element operator[](int64_t i) const {
    const FloatsOut at = *this + i;
    return {at.data, storage};
  }
};

// `value` as a factor of a product whose other factor is stored like that.
DISTILL_INLINE float as_factor(float value, Storage storage) { return storage == Storage::f32 ? value : to_float(to_bf16(value)); }

}  // namespace distill
