#pragma once

#include <cstdint>

namespace distill::faults {

void run_shared_race(float *y, bool planted);
void run_warp_race(float *y, bool planted);
void run_non_atomic_sum(float *y, bool planted);
void run_dropped_barrier(const float *x, float *y, bool planted);
void run_divergent_barrier(float *y, bool planted);
void run_early_exit(float *y, bool planted);
void run_divergent_shuffle(float *y, bool planted);
void run_deadlock(float *y, bool planted);
void run_copy(const float *x, float *y, int count);
void run_shared_out_of_bounds(float *y, bool planted);
void run_shared_unasked(float *y, bool planted);
void run_misaligned(const float *x, float *y, bool planted);
void run_unfinished_copy(const float *x, float *y, bool planted);
void run_product(const uint16_t *a, const uint16_t *b, float *y, bool planted);
void run_own_row(uint32_t *y, bool planted);

}  // namespace distill::faults
