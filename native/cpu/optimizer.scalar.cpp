#include "cpu/optimizer.h"

#include "cpu/variants.h"

namespace distill::scalar {

void adamw(const AdamW &a) { adamw_update(a); }
void sgd(const Sgd &a) { sgd_update(a); }
void accumulate(const Accumulate &a) { accumulate_update(a); }

// Sums of ranges of a fixed length in double precision, then over the ranges in order.
void clip_norm(const ClipNorm &a) {
  int64_t ranges = 0;
  for (const Parameter *p = a.parameters; p < a.parameters + a.count; ++p) ranges += (p->size + kElements - 1) / kElements;
  auto *sums = static_cast<double *>(scratch(1, ranges * static_cast<int64_t>(sizeof(double))));
  for_each_range(a.parameters, a.count, [=](const Parameter &p, int64_t begin, int64_t end, int64_t range) {
    sums[range] = 0;
    for (int64_t i = begin; i < end; ++i) sums[range] += double{p.value[i]} * double{p.value[i]};
  });
  double total = 0;
  for (int64_t range = 0; range < ranges; ++range) total += sums[range];
  const double norm = std::sqrt(total);
  a.norm[0] = static_cast<float>(norm);
  const float factor = static_cast<float>(a.most / (norm + 1e-6));
  if (factor >= 1) return;
  for_each_range(a.parameters, a.count, [=](const Parameter &p, int64_t begin, int64_t end, int64_t) {
    for (int64_t i = begin; i < end; ++i) p.value[i] *= factor;
  });
}

}  // namespace distill::scalar
