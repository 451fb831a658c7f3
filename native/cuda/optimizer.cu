// AdamW, SGD and sums of gradients or weights over all parameters in one launch. Coefficients are computed in double precision on the host,
// as in PyTorch.
#include <cmath>
#include <vector>

#include "cuda/elementwise.cuh"
#include "cuda/launchers.h"
#include "cuda/sums.cuh"
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

std::vector<Range> ranges_of(const Parameter *parameters, int64_t count) {
  std::vector<Range> ranges;
  for (const Parameter *p = parameters; p < parameters + count; p++)
    for (int64_t begin = 0; begin < p->size; begin += kElements)
      ranges.push_back({*p, begin, begin + kElements < p->size ? begin + kElements : p->size});
  return ranges;
}

template <class Update>
void launch(const Range *ranges, size_t count, const Update &update) {
  if (count > 0) GPU_LAUNCH(update_ranges<Update>, static_cast<unsigned>(count), kThreads, 0, ranges, update);
}

template <class Update>
void update_all(const Parameter *parameters, int64_t count, const Update &update) {
  const std::vector<Range> ranges = ranges_of(parameters, count);
  if (ranges.empty()) return;
  auto *uploaded = gpu::workspace_of<Range>(static_cast<int64_t>(ranges.size()));
  gpu::upload(uploaded, ranges.data(), static_cast<int64_t>(ranges.size() * sizeof(Range)));
  launch(uploaded, ranges.size(), update);
}

__global__ void __launch_bounds__(kThreads) sum_squares(const Range *ranges, double *sums) {
  const Range range = ranges[blockIdx.x];
  double sum = 0;
  for (int64_t i = range.begin + threadIdx.x; i < range.end; i += kThreads)
    sum += double{range.parameter.value[i]} * double{range.parameter.value[i]};
  sum = gpu::block_sum<kThreads>(sum);
  if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}

// factor = most / (norm + 1e-6)
__global__ void __launch_bounds__(kThreads) norm_of_sums(int64_t ranges, const double *sums, double most, float *norm, float *factor) {
  double sum = 0;
  for (int64_t i = threadIdx.x; i < ranges; i += kThreads) sum += sums[i];
  sum = sqrt(gpu::block_sum<kThreads>(sum));
  if (threadIdx.x != 0) return;
  *norm = static_cast<float>(sum);
  *factor = static_cast<float>(most / (sum + 1e-6));
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

void accumulate(const Accumulate &a) {
  const float keep = a.keep, share = a.share;
  update_all(a.parameters, a.count,
             [=] __device__(const Parameter &p, int64_t i) { p.value[i] = keep * p.value[i] + share * p.gradient[i]; });
}

void clip_norm(const ClipNorm &a) {
  const std::vector<Range> ranges = ranges_of(a.parameters, a.count);
  const auto count = static_cast<int64_t>(ranges.size());
  // The ranges, a sum of each, and the factor.
  auto *uploaded = static_cast<Range *>(gpu::workspace(count * static_cast<int64_t>(sizeof(Range) + sizeof(double)) + 64));
  auto *sums = reinterpret_cast<double *>(uploaded + count);
  auto *factor = reinterpret_cast<float *>(sums + count);
  if (count > 0) {
    gpu::upload(uploaded, ranges.data(), count * static_cast<int64_t>(sizeof(Range)));
    GPU_LAUNCH(sum_squares, static_cast<unsigned>(count), kThreads, 0, uploaded, sums);
  }
  GPU_LAUNCH(norm_of_sums, 1, kThreads, 0, count, sums, a.most, a.norm, factor);
  launch(uploaded, ranges.size(), [=] __device__(const Parameter &p, int64_t i) {
    if (!(*factor >= 1)) p.value[i] *= *factor;
  });
}

}  // namespace distill::cuda
