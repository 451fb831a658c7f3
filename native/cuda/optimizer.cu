// AdamW and SGD over all parameters in one launch. Coefficients are computed in double precision on the host, as in PyTorch.
#include <cmath>
#include <vector>

#include "cuda/elementwise.cuh"
#include "cuda/launchers.h"
#include "cuda/workspace.h"

namespace distill::cuda {

namespace {

constexpr int64_t kElements = 4096;  // per block
constexpr int kThreads = 256;

// A range of one parameter; each block has one.
struct Range {
  Parameter parameter;
  int64_t begin, end;
};

template <class Update>
__global__ void __launch_bounds__(kThreads) update_ranges(const Range *ranges, Update update) {
  const Range range = ranges[blockIdx.x];
  for (int64_t i = range.begin + threadIdx.x; i < range.end; i += kThreads) update(range.parameter, i);
}

template <class Update>
void update_all(const Parameter *parameters, int64_t count, const Update &update) {
  std::vector<Range> ranges;
  for (const Parameter *p = parameters; p < parameters + count; p++)
    for (int64_t begin = 0; begin < p->size; begin += kElements)
      ranges.push_back({*p, begin, begin + kElements < p->size ? begin + kElements : p->size});
  if (ranges.empty()) return;
  auto *uploaded = gpu::workspace_of<Range>(static_cast<int64_t>(ranges.size()));
  gpu::upload(uploaded, ranges.data(), static_cast<int64_t>(ranges.size() * sizeof(Range)));
  GPU_LAUNCH(update_ranges<Update>, static_cast<unsigned>(ranges.size()), kThreads, 0, uploaded, update);
}

}  // namespace

void adamw(const AdamW &a) {
  const double step = static_cast<double>(a.step);
  const double bias1 = 1 - std::pow(a.beta1, step), bias2 = 1 - std::pow(a.beta2, step);
  const float keep_second = static_cast<float>(a.beta2), take_first = static_cast<float>(1 - a.beta1),
              take_second = static_cast<float>(1 - a.beta2), root_bias2 = static_cast<float>(std::sqrt(bias2)),
              eps = static_cast<float>(a.eps), size = static_cast<float>(a.learning_rate / bias1),
              shrink = static_cast<float>(1 - a.learning_rate * a.weight_decay);
  update_all(a.parameters, a.count, [=] __device__(const Parameter &p, int64_t i) {
    const float g = p.gradient[i];
    const float first = p.first[i] + take_first * (g - p.first[i]);
    const float second = keep_second * p.second[i] + take_second * g * g;
    p.first[i] = first;
    p.second[i] = second;
    p.value[i] = (p.decay ? shrink : 1.0f) * p.value[i] - size * first / (sqrtf(second) / root_bias2 + eps);
  });
}

void sgd(const Sgd &a) {
  const float rate = static_cast<float>(a.learning_rate), momentum = static_cast<float>(a.momentum),
              weight_decay = static_cast<float>(a.weight_decay);
  const bool is_first = a.step == 1, nesterov = a.nesterov;
  update_all(a.parameters, a.count, [=] __device__(const Parameter &p, int64_t i) {
    const float g = p.gradient[i] + (p.decay ? weight_decay * p.value[i] : 0.0f);
    const float first = is_first ? g : momentum * p.first[i] + g;  // before step 1 the content of the buffer is undefined
    p.first[i] = first;
    p.value[i] -= rate * (nesterov ? g + momentum * first : first);
  });
}

}  // namespace distill::cuda
