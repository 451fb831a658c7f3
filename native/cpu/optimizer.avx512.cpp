#include "cpu/optimizer.h"

#include "cpu/variants.h"

namespace distill::avx512 {

void adamw(const AdamW &a) { adamw_update(a); }
void sgd(const Sgd &a) { sgd_update(a); }
void accumulate(const Accumulate &a) { accumulate_update(a); }

}  // namespace distill::avx512
