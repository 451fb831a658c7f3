#include "cpu/fit_image.passes.h"

namespace distill::avx2 {

void run_passes(const Passes &a) { run_passes_here(a); }

}  // namespace distill::avx2
