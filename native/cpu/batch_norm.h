// Batch norm for any vector type V of vec.h, instantiated in batch_norm.<isa>.cpp. Each pass runs at the speed of memory.
//
// A tensor [M,C] is read as one row of floats in which channels repeat. A period is the smallest number of floats that is both whole
// rows and whole groups of kGroup vectors. Values per channel are laid out once for a period, so any C is processed in vectors. Only the
// rows that do not fill a last period are processed one float at a time.
#pragma once

#include <algorithm>
#include <cmath>
#include <numeric>

#include "cpu/activations.h"
#include "cpu/threads.h"
#include "cpu/vec.h"
#include "ops.h"

namespace distill {
namespace {

constexpr int kGroup = 4;

// T is float or V; `from` and `to` are pointers to floats, Floats and FloatsOut.
template <class T, class From>
T get(From from) {
  if constexpr (std::is_same_v<T, float>)
    return from[0];
  else
    return load<T>(from);
}
template <class T, class To>
void put(To to, T value) {
  if constexpr (std::is_same_v<T, float>)
    to[0] = value;
  else
    store(to, value);
}

// Splits [M,C] into periods, and these into chunks that fit the second-level cache.
template <class V>
struct Periods {
  int64_t M, C, length, per_chunk;

  Periods(int64_t M, int64_t C) : M(M), C(C), length(std::lcm(C, int64_t(kGroup * lanes<V>))) {
    constexpr int64_t kFloats = 1 << 14;
    per_chunk = std::max<int64_t>(kFloats / length, 1);
  }
  int64_t chunks() const { return (M * C + per_chunk * length - 1) / (per_chunk * length); }
  int64_t begin(int64_t chunk) const { return chunk * per_chunk * length; }
  int64_t end(int64_t chunk) const { return std::min(M * C, begin(chunk + 1)); }
  int64_t rows(int64_t chunk) const { return (end(chunk) - begin(chunk)) / C; }
  // End of the whole periods of a chunk
  int64_t whole(int64_t chunk) const { return begin(chunk) + (end(chunk) - begin(chunk)) / length * length; }

  // Repeats values [C] to fill [length]
  float *repeated(const float *values, float *to) const {
    for (int64_t i = 0; i < length; i++) to[i] = values[i % C];
    return to;
  }
};

// Calls body(i, k, T) for all floats of a chunk: T is V or float, i the position in the tensor, k < length the position in the period.
template <class V, class Body>
void for_elements(const Periods<V> &a, int64_t chunk, const Body &body) {
  int64_t i = a.begin(chunk);
  for (; i < a.whole(chunk); i += a.length) {
    for (int64_t k = 0; k < a.length; k += lanes<V>) body(i + k, k, V{});
  }
  for (int64_t k = 0; i + k < a.end(chunk); k++) body(i + k, k, 0.0f);
}

// totals [N][C] = sums, over the rows of a chunk, of what term(i, k, T (&sums)[N]) adds.
template <class V, int N, class Term>
void sum_channels(const Periods<V> &a, int64_t chunk, double *totals, const Term &term) {
  std::fill_n(totals, N * a.C, 0.0);
  for (int64_t k = 0; k < a.length; k += kGroup * lanes<V>) {
    V sums[kGroup][N] = {};
    for (int64_t i = a.begin(chunk) + k; i < a.whole(chunk); i += a.length) {
#pragma GCC unroll 4
      for (int g = 0; g < kGroup; g++) term(i + g * lanes<V>, k + g * lanes<V>, sums[g]);
    }
    for (int64_t g = 0, c = k % a.C; g < kGroup; g++) {
      for (int lane = 0; lane < lanes<V>; lane++, c = c + 1 < a.C ? c + 1 : 0) {
        for (int n = 0; n < N; n++) totals[n * a.C + c] += sums[g][n][lane];
      }
    }
  }
  for (int64_t i = a.whole(chunk); i < a.end(chunk); i++) {
    float sums[N] = {};
    term(i, i - a.whole(chunk), sums);
    for (int n = 0; n < N; n++) totals[n * a.C + i % a.C] += sums[n];
  }
}

enum class Slot { shift, moments, mean, scale, bias, extra };
template <class T = float>
T *slot(Slot slot, int64_t size) {
  return static_cast<T *>(scratch(static_cast<int>(slot), size * int64_t(sizeof(T))));
}

// moments [2][C]: mean and sum of squared deviations of one chunk, computed around a rough mean so that nothing cancels.
template <class V>
void chunk_moments(const Periods<V> &a, int64_t chunk, Floats x, double *moments) {
  const double rows = double(a.rows(chunk));
  double *mean = moments, *squares = moments + a.C;
  sum_channels<V, 1>(a, chunk, mean, [&]<class T>(int64_t i, int64_t, T(&sums)[1]) { sums[0] += get<T>(x + i); });
  float *rough = slot(Slot::shift, a.length + a.C), *shift = rough + a.C;
  for (int64_t c = 0; c < a.C; c++) rough[c] = float(mean[c] / rows);
  a.repeated(rough, shift);
  sum_channels<V, 2>(a, chunk, moments, [&]<class T>(int64_t i, int64_t k, T(&sums)[2]) {
    const T deviation = get<T>(x + i) - get<T>(shift + k);
    sums[0] += deviation;
    sums[1] += deviation * deviation;
  });
  for (int64_t c = 0; c < a.C; c++) {
    squares[c] -= mean[c] * mean[c] / rows;
    mean[c] = rough[c] + mean[c] / rows;
  }
}

// Mean and sum of squared deviations of channel c, combined from those of the chunks.
struct Moments {
  double mean = 0, squares = 0;
};
template <class V>
Moments joined_moments(const Periods<V> &a, const double *moments, int64_t c) {
  Moments all;
  for (int64_t chunk = 0; chunk < a.chunks(); chunk++) all.mean += moments[2 * chunk * a.C + c] * double(a.rows(chunk));
  all.mean /= double(a.M);
  for (int64_t chunk = 0; chunk < a.chunks(); chunk++) {
    const double distance = moments[2 * chunk * a.C + c] - all.mean;
    all.squares += moments[(2 * chunk + 1) * a.C + c] + double(a.rows(chunk)) * distance * distance;
  }
  return all;
}

// y = activation((x - mean) * scale + bias + residual), scale = rstd * weight
template <class V, Activation activation, bool add, class Arguments>
void normalise(const Arguments &a, const Periods<V> &periods, const float *mean, const float *scale, const float *bias) {
  parallel_for(periods.chunks(), [&](int64_t chunk) {
    for_elements(periods, chunk, [&]<class T>(int64_t i, int64_t k, T) {
      T y = (get<T>(a.x + i) - get<T>(mean + k)) * get<T>(scale + k) + get<T>(bias + k);
      if constexpr (add) y += get<T>(a.residual + i);
      put(a.y + i, activated<activation>(y));
    });
  });
}

// mean, rstd [C]
template <class V, class Arguments>
void apply(const Arguments &a, const Periods<V> &periods, const float *mean, const float *rstd) {
  float *scale = slot(Slot::scale, periods.length + a.C), *scale_of_channel = scale + periods.length;
  for (int64_t c = 0; c < a.C; c++) scale_of_channel[c] = rstd[c] * a.weight[c];
  periods.repeated(scale_of_channel, scale);
  mean = periods.repeated(mean, slot(Slot::mean, periods.length));
  const float *bias = periods.repeated(a.bias, slot(Slot::bias, periods.length));
  with_activation(a.activation, [&]<Activation activation>(ActivationType<activation>) {
    const auto run = a.residual ? normalise<V, activation, true, Arguments> : normalise<V, activation, false, Arguments>;
    run(a, periods, mean, scale, bias);
  });
}

template <class V>
void batch_norm_forward_train(const BatchNormForwardTrain &a) {
  const Periods<V> periods(a.M, a.C);
  double *moments = slot<double>(Slot::moments, periods.chunks() * 2 * a.C);
  parallel_for(periods.chunks(), [&](int64_t chunk) { chunk_moments(periods, chunk, a.x, moments + chunk * 2 * a.C); });
  parallel_for(a.C, [&](int64_t c) {
    const Moments all = joined_moments(periods, moments, c);
    a.mean[c] = float(all.mean);
    a.rstd[c] = float(1 / std::sqrt(all.squares / double(a.M) + a.eps));
    const float unbiased = float(all.squares / double(std::max<int64_t>(a.M - 1, 1)));
    a.running_mean[c] += a.momentum * (a.mean[c] - a.running_mean[c]);
    a.running_var[c] += a.momentum * (unbiased - a.running_var[c]);
  });
  apply(a, periods, a.mean, a.rstd);
}

template <class V>
void batch_norm_forward_eval(const BatchNormForwardEval &a) {
  float *rstd = slot(Slot::extra, a.C);
  for (int64_t c = 0; c < a.C; c++) rstd[c] = float(1 / std::sqrt(double(a.running_var[c]) + a.eps));
  apply(a, Periods<V>(a.M, a.C), a.running_mean, rstd);
}

template <class T, Activation activation>
T masked(const BatchNormBackward &a, int64_t i) {
  const T dy = get<T>(a.dy + i);
  if constexpr (activation == Activation::none)
    return dy;
  else
    return passed<activation>(dy, get<T>(a.y + i));
}

// With g the masked dy and u = (x - mean) rstd: dbias = sum g, dweight = sum g u
template <class V, Activation activation>
void parameter_gradients(const BatchNormBackward &a, const Periods<V> &periods, const float *mean) {
  double *sums = slot<double>(Slot::moments, periods.chunks() * 2 * a.C);
  parallel_for(periods.chunks(), [&](int64_t chunk) {
    sum_channels<V, 2>(periods, chunk, sums + chunk * 2 * a.C, [&]<class T>(int64_t i, int64_t k, T(&totals)[2]) {
      const T g = masked<T, activation>(a, i);
      totals[0] += g;
      totals[1] += g * (get<T>(a.x + i) - get<T>(mean + k));
    });
  });
  parallel_for(a.C, [&](int64_t c) {
    double dbias = 0, dweight = 0;
    for (int64_t chunk = 0; chunk < periods.chunks(); chunk++) {
      dbias += sums[2 * chunk * a.C + c];
      dweight += sums[(2 * chunk + 1) * a.C + c];
    }
    a.dbias[c] = float(dbias);
    a.dweight[c] = float(dweight * a.rstd[c]);
  });
}

// dx = weight rstd (g - dbias / M - u dweight / M)
template <class V, Activation activation, bool split>
void input_gradient(const BatchNormBackward &a, const Periods<V> &periods, const float *mean) {
  float *of_channel = slot(Slot::extra, 3 * a.C);
  for (int64_t c = 0; c < a.C; c++) {
    of_channel[c] = a.weight[c] * a.rstd[c];
    of_channel[a.C + c] = a.rstd[c] * a.dweight[c] / float(a.M);
    of_channel[2 * a.C + c] = a.dbias[c] / float(a.M);
  }
  const float *scale = periods.repeated(of_channel, slot(Slot::scale, periods.length));
  const float *slope = periods.repeated(of_channel + a.C, slot(Slot::shift, periods.length));
  const float *offset = periods.repeated(of_channel + 2 * a.C, slot(Slot::bias, periods.length));
  parallel_for(periods.chunks(), [&](int64_t chunk) {
    for_elements(periods, chunk, [&]<class T>(int64_t i, int64_t k, T) {
      const T g = masked<T, activation>(a, i);
      if constexpr (split) put(a.dresidual + i, g);
      const T centred = g - get<T>(offset + k) - (get<T>(a.x + i) - get<T>(mean + k)) * get<T>(slope + k);
      put(a.dx + i, centred * get<T>(scale + k));
    });
  });
}

template <class V, Activation activation>
void backward(const BatchNormBackward &a) {
  const Periods<V> periods(a.M, a.C);
  const float *mean = periods.repeated(a.mean, slot(Slot::mean, periods.length));
  parameter_gradients<V, activation>(a, periods, mean);
  if (a.dresidual)
    input_gradient<V, activation, true>(a, periods, mean);
  else
    input_gradient<V, activation, false>(a, periods, mean);
}

template <class V>
void batch_norm_backward(const BatchNormBackward &a) {
  with_activation(a.activation, [&]<Activation activation>(ActivationType<activation>) { backward<V, activation>(a); });
}

}  // namespace
}  // namespace distill
