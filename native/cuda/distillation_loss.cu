// Loss, gradient and accuracy in one sweep: a warp per row for few classes, a block per row for many. Sums are made in fp32 after the
// highest logit is taken off; sums over rows in double precision, in the order of the rows.
#include "cuda/gpu.cuh"
#include "cuda/launchers.h"
#include "cuda/sums.cuh"
#include "cuda/workspace.h"

namespace distill::cuda {

namespace {

struct RowResult {
  float cross_entropy, divergence;
  int correct;
};

// The threads that share a row: 32 or 256 of them.
template <int threads>
class Group {
 public:
  __device__ explicit Group(float *shared) : shared_(shared) {}
  __device__ int64_t first() const { return threadIdx.x % threads; }

  __device__ float sum(float value) const {
    value = gpu::warp_sum(value);
    if constexpr (threads > 32) {
      exchange(value);
      value = 0;
      for (int i = 0; i < threads / 32; i++) value += shared_[i];
      __syncthreads();
    }
    return value;
  }
  __device__ float max(float value) const {
    value = gpu::warp_max(value);
    if constexpr (threads > 32) {
      exchange(value);
      for (int i = 0; i < threads / 32; i++) value = fmaxf(value, shared_[i]);
      __syncthreads();
    }
    return value;
  }

 private:
  __device__ void exchange(float value) const {
    if (threadIdx.x % 32 == 0) shared_[threadIdx.x / 32] = value;
    __syncthreads();
  }
  float *shared_;
};

// log softmax(logits / temperature)[k] = (logits[k] - highest) / temperature - log_sum
struct LogSoftmax {
  float highest, temperature, log_sum;
  template <class G>
  __device__ LogSoftmax(const G &group, int stride, const float *logits, int64_t K, float temperature) : temperature(temperature) {
    float most = -INFINITY;
    for (int64_t k = group.first(); k < K; k += stride) most = fmaxf(most, logits[k]);
    highest = group.max(most);
    float sum = 0;
    for (int64_t k = group.first(); k < K; k += stride) sum += expf((logits[k] - highest) / temperature);
    log_sum = logf(group.sum(sum));
  }
  __device__ float of(float logit) const { return (logit - highest) / temperature - log_sum; }
};

template <int threads>
__global__ void __launch_bounds__(256) loss_rows(DistillationLoss a, RowResult *results) {
  SHARED(float, [8], shared);
  const Group<threads> group(shared);
  const int64_t row = int64_t{blockIdx.x} * (256 / threads) + threadIdx.x / threads;
  // With a block per row every row exists: whole warps leave, and nobody waits for them.
  if (row >= a.N) return;
  const float *student = a.student + row * a.K, *teacher = a.teacher ? a.teacher + row * a.K : nullptr;
  float *dstudent = a.dstudent ? a.dstudent + row * a.K : nullptr;
  const int64_t label = a.labels[row];
  const float T = a.temperature, alpha = teacher ? a.alpha : 0, scale = 1 / static_cast<float>(a.N),
              weight = a.weights ? a.weights[row] : 1;

  const LogSoftmax at_one(group, threads, student, a.K, 1.0f);
  const LogSoftmax log_q(group, threads, student, a.K, T);
  const LogSoftmax log_p(group, threads, teacher ? teacher : student, a.K, T);
  float divergence = 0, before_label = 0;
  for (int64_t k = group.first(); k < a.K; k += threads) {
    const float z = student[k], dce = weight * (expf(at_one.of(z)) - (k == label ? 1.0f : 0.0f));
    float gradient = dce;
    if (teacher) {
      const float lp = log_p.of(teacher[k]), lq = log_q.of(z), p = expf(lp);
      divergence += p * (lp - lq);
      gradient = alpha * T * (expf(lq) - p) + (1 - alpha) * dce;
    }
    // The label is right if nothing is larger, and nothing before it as large.
    if (z > student[label] || (z == student[label] && k < label)) before_label = 1;
    if (dstudent) dstudent[k] = scale * gradient;
  }
  divergence = group.sum(divergence);
  before_label = group.max(before_label);
  if (group.first() == 0) results[row] = {-weight * at_one.of(student[label]), divergence, before_label == 0 && weight > 0};
}

__global__ void __launch_bounds__(32) sum_rows(DistillationLoss a, const RowResult *results) {
  double cross_entropy = 0, divergence = 0, correct = 0;
  for (int64_t row = threadIdx.x; row < a.N; row += 32) {
    cross_entropy += results[row].cross_entropy;
    divergence += results[row].divergence;
    correct += results[row].correct;
  }
  cross_entropy = gpu::warp_sum(cross_entropy);
  divergence = gpu::warp_sum(divergence);
  correct = gpu::warp_sum(correct);
  if (threadIdx.x != 0) return;
  const double alpha = a.teacher ? a.alpha : 0, T = a.temperature, N = static_cast<double>(a.N);
  const double ce = cross_entropy / N, kd = a.teacher ? T * T * divergence / N : 0;
  a.loss[0] = static_cast<float>(alpha * kd + (1 - alpha) * ce);
  a.metrics[0] = static_cast<float>(ce);
  a.metrics[1] = static_cast<float>(kd);
  a.metrics[2] = static_cast<float>(correct);
}

}  // namespace

void distillation_loss(const DistillationLoss &a) {
  constexpr int64_t kFewClasses = 256;
  auto *results = gpu::workspace_of<RowResult>(a.N);
  if (a.K <= kFewClasses)
    GPU_LAUNCH(loss_rows<32>, gpu::blocks_for(a.N, 8), 256, 0, a, results);
  else
    GPU_LAUNCH(loss_rows<256>, static_cast<unsigned>(a.N), 256, 0, a, results);
  GPU_LAUNCH(sum_rows, 1, 32, 0, a, results);
}

}  // namespace distill::cuda
