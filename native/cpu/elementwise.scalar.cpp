#include "cpu/elementwise.h"

#include "cpu/variants.h"

namespace distill::scalar {

void add(const Add &op) {
  for_each_range(op.size, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) op.y[i] = op.a[i] + op.b[i];
  });
}

}  // namespace distill::scalar
