#include <immintrin.h>

#include "cpu/fit_image.passes.h"

namespace distill::avx2 {

namespace {

struct Registers {
  static void pixel(const uint8_t *x, const int32_t *weights, int64_t taps, uint8_t *y) {
    __m128i sums = _mm_set1_epi32(kHalf);
    for (int64_t tap = 0; tap < taps; ++tap) {
      int32_t bytes;
      std::memcpy(&bytes, x + 3 * tap, 4);
      sums = _mm_add_epi32(sums, _mm_mullo_epi32(_mm_cvtepu8_epi32(_mm_cvtsi32_si128(bytes)), _mm_set1_epi32(weights[tap])));
    }
    const __m128i values = _mm_srai_epi32(sums, kWeightBits), words = _mm_packus_epi32(values, values);
    const int32_t packed = _mm_cvtsi128_si32(_mm_packus_epi16(words, words));
    std::memcpy(y, &packed, 4);
  }

  static void run(const uint8_t *x, const int32_t *weights, int64_t taps, int64_t width, uint8_t *y) {
    __m256i sums[4];
    for (__m256i &each : sums) each = _mm256_set1_epi32(kHalf);
    for (int64_t tap = 0; tap < taps; ++tap) {
      const __m256i weight = _mm256_set1_epi32(weights[tap]);
      for (int i = 0; i < 4; ++i) sums[i] = _mm256_add_epi32(sums[i], _mm256_mullo_epi32(eight(x + tap * width + 8 * i), weight));
    }
    for (__m256i &each : sums) each = _mm256_srai_epi32(each, kWeightBits);
    // Packing works within halves of a register: the last step puts groups of four bytes back into order.
    const __m256i words[2] = {_mm256_packus_epi32(sums[0], sums[1]), _mm256_packus_epi32(sums[2], sums[3])};
    const __m256i bytes = _mm256_packus_epi16(words[0], words[1]);
    const __m256i ordered = _mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
    _mm256_storeu_si256(reinterpret_cast<__m256i *>(y), ordered);
  }

 private:
  static __m256i eight(const uint8_t *x) { return _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i *>(x))); }
};

}  // namespace

void run_passes(const Passes &a) { run_passes_by<Registers>(a); }

}  // namespace distill::avx2
