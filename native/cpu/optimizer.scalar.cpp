#include "cpu/optimizer.h"

#include "cpu/variants.h"

namespace distill::scalar {

void adamw(const AdamW &a) { adamw_update(a); }
void sgd(const Sgd &a) { sgd_update(a); }

}  // namespace distill::scalar
