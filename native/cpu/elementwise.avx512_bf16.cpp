#include "cpu/elementwise.h"

#include "cpu/variants.h"

namespace distill::avx512_bf16 {

void add(const Add &op) { distill::add<Vec16>(op); }
void multiply(const Multiply &op) { distill::multiply<Vec16>(op); }

}  // namespace distill::avx512_bf16
