#include "cpu/optimizer.h"

#include "cpu/variants.h"

namespace distill::neon {

void adamw(const AdamW &a) { adamw_update(a); }
void sgd(const Sgd &a) { sgd_update(a); }
void accumulate(const Accumulate &a) { accumulate_update(a); }

}  // namespace distill::neon
