// AdamW, SGD and sums of gradients or weights over all parameters in one call, in loops that the compiler vectorises for each instruction
// set. Coefficients are computed in double precision, as in PyTorch, because 1 - beta2 would lose digits in fp32.
#pragma once

#include <cmath>

#include "cpu/threads.h"
#include "ops.h"

namespace distill {
namespace {

constexpr int64_t kElements = 16384;  // of a range

// Calls update(parameter, begin, end, number) for ranges of at most kElements elements that cover every parameter, numbered from 0.
template <class Update>
void for_each_range(const Parameter *parameters, int64_t count, const Update &update) {
  struct Range {
    const Parameter *parameter;
    int64_t begin;
  };
  int64_t most = 0, length = 0;
  for (const Parameter *p = parameters; p < parameters + count; ++p) most += (p->size + kElements - 1) / kElements;
  auto *ranges = static_cast<Range *>(scratch(0, most * static_cast<int64_t>(sizeof(Range))));
  for (const Parameter *p = parameters; p < parameters + count; ++p)
    for (int64_t begin = 0; begin < p->size; begin += kElements) ranges[length++] = {p, begin};
  parallel_for(length, [&](int64_t i) {
    const Parameter &parameter = *ranges[i].parameter;
    const int64_t begin = ranges[i].begin, end = begin + kElements;
    update(parameter, begin, end < parameter.size ? end : parameter.size, i);
  });
}

inline void adamw_update(const AdamW &a) {
  const double step = static_cast<double>(a.step);
  const double bias1 = 1 - std::pow(a.beta1, step), bias2 = 1 - std::pow(a.beta2, step);
  const float keep_second = static_cast<float>(a.beta2), take_first = static_cast<float>(1 - a.beta1),
              take_second = static_cast<float>(1 - a.beta2), root_bias2 = static_cast<float>(std::sqrt(bias2)),
              eps = static_cast<float>(a.eps), size = static_cast<float>(a.learning_rate / bias1),
              shrink = static_cast<float>(1 - a.learning_rate * a.weight_decay);
  for_each_range(a.parameters, a.count, [=](const Parameter &p, int64_t begin, int64_t end, int64_t) {
    const float keep = p.decay ? shrink : 1;
    float *__restrict value = p.value, *__restrict first = p.first, *__restrict second = p.second;
    const float *__restrict gradient = p.gradient;
    for (int64_t i = begin; i < end; ++i) {
      const float g = gradient[i];
      first[i] += take_first * (g - first[i]);
      second[i] = keep_second * second[i] + take_second * g * g;
      value[i] = keep * value[i] - size * first[i] / (__builtin_sqrtf(second[i]) / root_bias2 + eps);
    }
  });
}

inline void sgd_update(const Sgd &a) {
  const float rate = static_cast<float>(a.learning_rate), momentum = static_cast<float>(a.momentum);
  for_each_range(a.parameters, a.count, [=, &a](const Parameter &p, int64_t begin, int64_t end, int64_t) {
    const float decay = p.decay ? static_cast<float>(a.weight_decay) : 0;
    float *__restrict value = p.value, *__restrict first = p.first;
    const float *__restrict gradient = p.gradient;
    for (int64_t i = begin; i < end; ++i) {
      const float g = gradient[i] + decay * value[i];
      first[i] = a.step == 1 ? g : momentum * first[i] + g;  // before step 1 the content of the buffer is undefined
      value[i] -= rate * (a.nesterov ? g + momentum * first[i] : first[i]);
    }
  });
}

inline void accumulate_update(const Accumulate &a) {
  const float keep = a.keep, share = a.share;
  for_each_range(a.parameters, a.count, [=](const Parameter &p, int64_t begin, int64_t end, int64_t) {
    float *__restrict value = p.value;
    const float *__restrict gradient = p.gradient;
    for (int64_t i = begin; i < end; ++i) value[i] = keep * value[i] + share * gradient[i];
  });
}

}  // namespace
}  // namespace distill
