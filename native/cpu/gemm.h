// Matrix products for any vector type V of vec.h, summed in fp32. Factors have type F: fp32 numbers, or pairs of bf16 (pairs.h), in which
// case one step along the sum takes two numbers.
//
// The right factor is packed once into panels, a few vectors wide, with contiguous rows, so that a tile of the product reads them from the
// cache as one stream. The left factor is read in place, one number at a time. There is no blocking over K: panels fit the second-level
// cache up to a K of a few thousand.
#pragma once

#include "cpu/pairs.h"
#include "cpu/threads.h"
#include "cpu/vec.h"

namespace distill {
namespace {

template <class T>
inline T *array_in_scratch(int slot, int64_t count) {
  return static_cast<T *>(scratch(slot, count * static_cast<int64_t>(sizeof(T))));
}

constexpr int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

template <class V>
constexpr int kWidestPanel = VecTraits<V>::registers == 32 ? 3 : 2;  // vectors
template <class V, int NV>
constexpr int kTileRows = kSumRegisters<V> / NV;

// A matrix [K,N] cut into panels of 1 to kWidestPanel vectors of columns, of widths as equal as possible. Columns past N are zero.
template <class V, class F = float>
struct Panels {
  int64_t K, N;
  F *data;

  Panels(int slot, int64_t K, int64_t N) : K(K), N(N) {
    const int64_t vectors = ceil_div(N, lanes<V>);
    count_ = ceil_div(vectors, kWidestPanel<V>);
    narrow_ = vectors / count_ * lanes<V>;
    wider_ = vectors % count_;
    data = array_in_scratch<F>(slot, steps() * vectors * lanes<V>);
  }
  int64_t steps() const { return ceil_div(K, per_factor<F>); }
  int64_t count() const { return count_; }
  int64_t first(int64_t panel) const { return panel * narrow_ + least(panel, wider_) * lanes<V>; }  // column
  int64_t width(int64_t panel) const { return narrow_ + (panel < wider_ ? lanes<V> : 0); }
  int64_t columns(int64_t panel) const { return least(width(panel), N - first(panel)); }
  F *begin(int64_t panel) const { return data + first(panel) * steps(); }

 private:
  int64_t count_, narrow_, wider_;  // number of panels, width of most, and how many at the front are one vector wider
};

// Rows of a matrix, ld apart, as factors of a sum over the rows. T: const float *, const bf16 * or Floats. They are rounded if the other
// factor is a bf16 activation; pairs must always be rounded.
template <class T>
struct RowFactors {
  int64_t K;
  T data;
  int64_t ld;
  bool round;

  // Columns j ... j + count - 1 at one step
  template <class V, class F>
  V at(int64_t step, int64_t j, int64_t count) const {
    const auto row = [&](int64_t k) {
      const V v = load_some<V>(data + (k * ld + j), count);
      return round ? rounded(v) : v;
    };
    if constexpr (per_factor<F> == 1)
      return row(step);
    else
      return interleave(row(2 * step), 2 * step + 1 < K ? row(2 * step + 1) : V{});
  }
};

// Fills steps `begin` to `end` of all panels, a few consecutive rows of a panel at a time.
template <class V, class F, class T>
void pack_rows_of(const Panels<V, F> &panels, int64_t begin, int64_t end, const RowFactors<T> &b) {
  constexpr int64_t kTogether = 8 / per_factor<F>;
  for (; begin < end; begin += kTogether) {
    for (int64_t panel = 0; panel < panels.count(); ++panel) {
      const int64_t first = panels.first(panel), width = panels.width(panel), columns = panels.columns(panel);
      F *to = panels.begin(panel) + begin * width;
      for (int64_t step = begin; step < least(begin + kTogether, end); ++step, to += width) {
        // Rows are too short for the hardware prefetcher.
        for (int64_t k = step * per_factor<F>; k < (step + 1) * per_factor<F>; ++k) __builtin_prefetch(b.data + (k + 8) * b.ld + first);
        for (int64_t j = 0; j < width; j += lanes<V>) store(to + j, b.template at<V, F>(step, first + j, least(columns - j, lanes<V>)));
      }
    }
  }
}
// Fills them from b [K,N], rows ldb apart, as factors of a product with an activation of that storage.
template <class V, class F>
void pack_rows(const Panels<V, F> &panels, int64_t begin, int64_t end, Floats b, int64_t ldb, Storage activation) {
  if (b.storage == Storage::f32)
    pack_rows_of(panels, begin, end, RowFactors<const float *>{panels.K, b.f32(), ldb, activation == Storage::bf16});
  else
    pack_rows_of(panels, begin, end, RowFactors<const bf16 *>{panels.K, b.as_bf16(), ldb, false});
}

// Loads `count` consecutive factors
template <class V, class F, class T>
V load_factors(const T *from, int64_t count) {
  if constexpr (per_factor<F> == 1)
    return load_some<V>(from, count);
  else if constexpr (sizeof(T) == sizeof(bf16))
    return load_some<V>(as_pairs(from), count);
  else
    return load_pairs<V>(from, count);
}

// Transposes a block of lanes<V> x lanes<V> factors of b, of which `columns` rows of `deep` factors exist, to rows `width` apart
template <class V, class F, class T>
[[gnu::always_inline]] inline void transpose_block(const T *b, int64_t ldb, int64_t columns, int64_t deep, F *to, int64_t width) {
  V block[lanes<V>];
#pragma GCC unroll 16
  for (int64_t i = 0; i < lanes<V>; ++i) block[i] = i < columns ? load_factors<V, F>(b + i * ldb, deep) : V{};
  transpose(block);
#pragma GCC unroll 16
  for (int64_t i = 0; i < lanes<V>; ++i) {
    if (i < deep) store(to + i * width, block[i]);
  }
}

// Fills one panel from the transposed matrix b [N,K], rows ldb apart, block by block. K must be even for pairs.
template <class V, class F>
void pack_columns(const Panels<V, F> &panels, int64_t panel, Floats b, int64_t ldb) {
  const int64_t width = panels.width(panel);
  typed(b + panels.first(panel) * ldb, [=, &panels](const auto *from) {
    for (int64_t step = 0; step < panels.steps(); step += lanes<V>) {
      const int64_t deep = least(lanes<V>, panels.steps() - step);
      for (int64_t j = 0; j < width; j += lanes<V>) {
        const int64_t columns = least(lanes<V>, panels.columns(panel) - j);
        const auto *block = from + (j * ldb + step * per_factor<F>);
        F *to = panels.begin(panel) + step * width + j;
        if (deep == lanes<V> && columns == lanes<V>)
          transpose_block<V>(block, ldb, lanes<V>, lanes<V>, to, width);
        else
          transpose_block<V>(block, ldb, columns, deep, to, width);
      }
    }
  });
}

// Rounds a packed panel to bf16 numbers.
template <class V>
void round_panel(const Panels<V> &panels, int64_t panel) {
  float *at = panels.begin(panel);
  for (int64_t i = 0; i < panels.K * panels.width(panel); i += lanes<V>) store(at + i, rounded(load<V>(at + i)));
}

// The layout of the left factor: a[row * lda + step] or, transposed, a[step * lda + row].
enum class Left { rows, columns };

template <class V, Left left, int MR, int NV, class F>
[[gnu::noinline]] void multiply_tile(int64_t steps, const F *a, int64_t lda, const F *panel, float *tile) {
  V sums[MR][NV] = {};
#pragma GCC unroll kStepsAtOnce
  for (int64_t step = 0; step < steps; ++step, panel += NV * lanes<V>) {
    V row[NV];
#pragma GCC unroll 4
    for (int j = 0; j < NV; ++j) row[j] = load<V>(panel + j * lanes<V>);
#pragma GCC unroll 24
    for (int i = 0; i < MR; ++i) {
      const V x = broadcast<V>(left == Left::rows ? a[i * lda + step] : a[step * lda + i]);
#pragma GCC unroll 4
      for (int j = 0; j < NV; ++j) add_product<F>(sums[i][j], x, row[j]);
    }
  }
#pragma GCC unroll 24
  for (int i = 0; i < MR; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < NV; ++j) store(tile + (i * NV + j) * lanes<V>, sums[i][j]);
  }
}

// Passes the first `count` lanes of each vector of the product to finish(row, column, count, V), which is inlined twice, once with `count`
// known to be all lanes.
template <class V, Left left, int NV, int MR = kTileRows<V, NV>, class F, class Finish>
void multiply_panel(int64_t row, int64_t end, const F *a, int64_t lda, const Panels<V, F> &panels, int64_t panel, const Finish &finish) {
  alignas(64) float tile[MR * NV * lanes<V>];
  const int64_t first = panels.first(panel), columns = panels.columns(panel);
  for (; row + MR <= end; row += MR) {
    multiply_tile<V, left, MR, NV>(panels.steps(), a + (left == Left::rows ? row * lda : row), lda, panels.begin(panel), tile);
    const auto vector = [&](int64_t i, int64_t j) { return load<V>(tile + (i * NV + j) * lanes<V>); };
    if (columns == NV * lanes<V>) {
      for (int64_t i = 0; i < MR; ++i)
        for (int64_t j = 0; j < NV; ++j) finish(row + i, first + j * lanes<V>, lanes<V>, vector(i, j));
    } else {
      for (int64_t i = 0; i < MR; ++i)
        for (int64_t j = 0; j < NV; ++j) finish(row + i, first + j * lanes<V>, least(columns - j * lanes<V>, lanes<V>), vector(i, j));
    }
  }
  if constexpr (MR > 1) {
    if (row < end) multiply_panel<V, left, NV, MR == 3 ? 2 : MR / 2>(row, end, a, lda, panels, panel, finish);
  }
}

// The left factor of a product over long columns, given transposed as a [K,M]. It is cut into strips as high as a tile,
// [strip][step][height], which a tile also reads as one stream. Rows past M are zero.
template <class V, class F = float>
struct Strips {
  static constexpr int height = kTileRows<V, kWidestPanel<V>>;
  int64_t K, M;
  F *data;

  Strips(int slot, int64_t K, int64_t M) : K(K), M(M), data(array_in_scratch<F>(slot, (count() + 1) * steps() * height + lanes<V>)) {}
  int64_t steps() const { return ceil_div(K, per_factor<F>); }
  int64_t count() const { return ceil_div(M, height); }
  F *begin(int64_t strip) const { return data + strip * steps() * height; }
};

// Fills all strips from a [K,M], rows lda apart, as factors of a product with an activation of that storage.
template <class V, class F>
void pack_strips(const Strips<V, F> &strips, Floats a, int64_t lda, Storage activation) {
  constexpr int height = Strips<V, F>::height, kAtOnce = lanes<V> == 2 * height ? 2 : 1;  // strips
  typed(a, [&](const auto *numbers) {
    const RowFactors<decltype(numbers)> rows{strips.K, numbers, lda, a.storage != activation};
    for (int64_t strip = 0; strip < strips.count(); strip += kAtOnce) {
      const int64_t row = strip * height;
      F *to = strips.begin(strip), *next = strips.begin(strip + 1);
      for (int64_t step = 0; step < strips.steps(); ++step, to += height, next += height) {
        // Prefetches the start of the strips after the next ones: rows are too far apart for the hardware prefetcher.
        for (int64_t k = step * per_factor<F>; k < (step + 1) * per_factor<F>; ++k)
          __builtin_prefetch(numbers + k * lda + row + 2 * lanes<V>);
        const auto vector = [&](int64_t i) __attribute__((always_inline)) {
          return rows.template at<V, F>(step, row + i, least(strips.M - row - i, lanes<V>));
        };
        if constexpr (kAtOnce == 2) {
          store(to, low_half(vector(0)));
          store(next, high_half(vector(0)));
        } else if constexpr (height % lanes<V> == 0) {
          for (int i = 0; i < height; i += lanes<V>) store(to + i, i < strips.M - row ? vector(i) : V{});
        } else {
          static_assert(lanes<V> > height);  // the next store overwrites the excess
          store(to, vector(0));
        }
      }
    }
  });
}

// Rows of a matrix that are read next. Each of `calls` calls fetches its share of them to the second-level cache, while products are
// computed.
class ComingRows {
 public:
  ComingRows(Floats first, int64_t rows, int64_t columns, int64_t ld, int64_t calls) : at_(first), rows_(rows), columns_(columns), ld_(ld) {
    if (first.storage == Storage::bf16) line_ = 32;
    lines_ = ceil_div(rows * ceil_div(columns, line_), calls);
  }

  void operator()() {
    for (int64_t i = 0; i < lines_ && rows_ > 0; ++i) {
      __builtin_prefetch((at_ + column_).data, 0, 2);
      column_ += line_;
      if (column_ >= columns_) column_ = 0, --rows_, at_ = at_ + ld_;
    }
  }

 private:
  Floats at_;
  int64_t rows_, columns_, ld_, column_ = 0, line_ = 16, lines_;
};

// Passes every vector of the product of the strips and the packed matrix to finish(row, column, count, V), which is inlined twice, once
// with `count` known to be all lanes. Calls before_tile() before each tile.
template <class V, int NV, class F, class Finish, class BeforeTile>
void multiply_strips_by_panel(const Strips<V, F> &strips, const Panels<V, F> &panels, int64_t panel, const Finish &finish,
                              const BeforeTile &before_tile) {
  constexpr int height = Strips<V, F>::height;
  alignas(64) float tile[height * NV * lanes<V>];
  const int64_t first = panels.first(panel), columns = panels.columns(panel);
  for (int64_t strip = 0; strip < strips.count(); ++strip) {
    before_tile();
    multiply_tile<V, Left::columns, height, NV>(panels.steps(), strips.begin(strip), height, panels.begin(panel), tile);
    const int64_t row = strip * height, rows = least(height, strips.M - row);
    const auto vector = [&](int64_t i, int64_t j) { return load<V>(tile + (i * NV + j) * lanes<V>); };
    if (rows == height && columns == NV * lanes<V>) {
      for (int64_t i = 0; i < height; ++i)
        for (int64_t j = 0; j < NV; ++j) finish(row + i, first + j * lanes<V>, lanes<V>, vector(i, j));
    } else {
      for (int64_t i = 0; i < rows; ++i)
        for (int64_t j = 0; j < NV; ++j) finish(row + i, first + j * lanes<V>, least(columns - j * lanes<V>, lanes<V>), vector(i, j));
    }
  }
}

struct Nothing {
  void operator()() const {}
};

template <class V, class F, class Finish, class BeforeTile = Nothing>
void multiply_strips(const Strips<V, F> &strips, const Panels<V, F> &panels, const Finish &finish, const BeforeTile &before_tile = {}) {
  for (int64_t panel = 0; panel < panels.count(); ++panel) {
    const int64_t vectors = panels.width(panel) / lanes<V>;
    if (vectors == 1) multiply_strips_by_panel<V, 1>(strips, panels, panel, finish, before_tile);
    if (vectors == 2) multiply_strips_by_panel<V, 2>(strips, panels, panel, finish, before_tile);
    if constexpr (kWidestPanel<V> == 3) {
      if (vectors == 3) multiply_strips_by_panel<V, 3>(strips, panels, panel, finish, before_tile);
    }
  }
}

// Passes rows begin ... end - 1 of the product of a [M,K] and the packed matrix to `finish`, vector by vector.
template <class V, Left left = Left::rows, class F, class Finish>
void multiply_rows(int64_t begin, int64_t end, const F *a, int64_t lda, const Panels<V, F> &panels, const Finish &finish) {
  for (int64_t panel = 0; panel < panels.count(); ++panel) {
    const int64_t vectors = panels.width(panel) / lanes<V>;
    if (vectors == 1) multiply_panel<V, left, 1>(begin, end, a, lda, panels, panel, finish);
    if (vectors == 2) multiply_panel<V, left, 2>(begin, end, a, lda, panels, panel, finish);
    if constexpr (kWidestPanel<V> == 3) {
      if (vectors == 3) multiply_panel<V, left, 3>(begin, end, a, lda, panels, panel, finish);
    }
  }
}

}  // namespace
}  // namespace distill
