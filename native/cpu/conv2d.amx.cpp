// Convolution by tiles, for images in bf16 stored [H,W,N,C]. The images of a batch at a pixel are the rows of a tile, contiguous in memory:
// nothing is gathered, no padding is stored, and taps outside the image are left out. The bits of an image do not depend on the others of
// its batch. Images in the usual layout are convolved by tiles if their patches do not overlap. All other convolutions are those of
// AVX-512.
#include "cpu/conv2d.h"

#include "cpu/pending_sums.h"
#include "cpu/separate_patches.h"
#include "cpu/tile_products.h"
#include "cpu/variants.h"

namespace distill::amx {

namespace {

constexpr int64_t kStep = 32;  // numbers along a sum, images of a strip, columns of a panel

constexpr int64_t whole_steps(int64_t numbers) { return ceil_div(numbers, kStep) * kStep; }

template <class T>
T *array_of(Scratch slot, int64_t count) {
  return array_in_scratch<T>(static_cast<int>(slot), count);
}

// ---- Filters

// to [R*S][ld] = `count` numbers of each tap, `step` apart in the filter, with zeros up to `depth`
template <int64_t known_taps>
void copy_taps(const FilterOperand &filter, const float *from, int64_t count, int64_t step, float *to, int64_t ld, int64_t depth) {
  const int64_t taps = known_taps ? known_taps : filter.R * filter.S;
  int64_t *offsets = array_of<int64_t>(Scratch::block, taps);
  for (int64_t tap = 0; tap < taps; ++tap) offsets[tap] = tap / filter.S * filter.row_step + tap % filter.S * filter.tap_step;
  for (int64_t i = 0; i < count; ++i)
    for (int64_t tap = 0; tap < taps; ++tap) to[tap * ld + i] = from[offsets[tap] + i * step];
  for (int64_t tap = 0; tap < taps; ++tap)
    for (int64_t i = count; i < depth; ++i) to[tap * ld + i] = 0;
}
void copy_taps(const FilterOperand &filter, const float *from, int64_t count, int64_t step, float *to, int64_t ld, int64_t depth) {
  if (filter.R * filter.S == 9)
    copy_taps<9>(filter, from, count, step, to, ld, depth);
  else
    copy_taps<0>(filter, from, count, step, to, ld, depth);
}

// y = x filter: the inner numbers of a column are neighbours in memory, but for the taps between them. `depth` numbers for each tap.
TilePanels pack_forward(const FilterOperand &filter, int64_t depth) {
  const int64_t K = filter.R * filter.S * depth;
  const TilePanels panels(static_cast<int>(Scratch::weights), K, filter.columns);
  parallel_for(panels.count(), [&](int64_t index) {
    float *rows = array_of<float>(Scratch::patches, kStep * K);
    TilePanels panel = panels;
    panel.data = panels.at(index, 0);
    panel.N = least(kStep, filter.columns - index * kStep);
    for (int64_t i = 0; i < panel.N; ++i)
      copy_taps(filter, filter.first + (index * kStep + i) * filter.column_step, filter.inner, filter.inner_step, rows + i * K, depth,
                depth);
    pack_columns(panel, 0, rows, K);
  });
  return panels;
}

// dx = dy filter: the columns of an inner number are.
TilePanels pack_backward(const FilterOperand &filter, int64_t depth) {
  const int64_t taps = filter.R * filter.S, row = taps * filter.columns;
  const TilePanels panels(static_cast<int>(Scratch::weights), taps * depth, filter.columns);
  parallel_for(depth / kStep, [&](int64_t block) {
    float *rows = array_of<float>(Scratch::patches, kStep * row);
    const int64_t first = block * kStep, count = least(kStep, filter.inner - first);
    for (int64_t i = 0; i < count; ++i)
      copy_taps(filter, filter.first + (first + i) * filter.inner_step, filter.columns, filter.column_step, rows + i * row, filter.columns,
                filter.columns);
    std::fill_n(rows + count * row, (kStep - count) * row, 0.0f);
    for (int64_t tap = 0; tap < taps; ++tap) {
      const int64_t step = (tap * depth + first) / kStep;
      pack_rows(panels, step, rows + (tap * filter.columns - step * kStep * row), row);  // which counts rows from step 0
    }
  });
  return panels;
}

// ---- Images

// Some steps of the left factor: a tap of 32 images, in place or copied, and where its numbers begin along the sum.
struct Run {
  const bf16 *rows;
  int64_t stride;  // bytes
  int64_t step, steps;
};

// Patches of images [H,W,N,C] as a left factor, with `depth` numbers for each tap: the channels, or more, of which the last are zero. If
// depth is no multiple of 32, taps follow each other closely, and those outside the image are zero.
struct TileImages {
  Patches patches;
  int64_t N, depth;

  int64_t taps() const { return patches.R * patches.S; }
  int64_t width() const { return whole_steps(taps() * depth); }  // of a copied patch
  int64_t strips() const { return ceil_div(N, kStep); }
  bool close() const { return depth % kStep != 0; }

  // Calls body(tap, pixel) for the taps of the patch (p, q) that are inside the image.
  template <class Body>
  void for_taps(int64_t p, int64_t q, const Body &body) const {
    for (int64_t r = 0; r < patches.R; ++r) {
      const int64_t h = p * patches.stride + patches.top + r;
      if (h < 0 || h >= patches.H) continue;
      for (int64_t s = 0; s < patches.S; ++s) {
        const int64_t w = q * patches.stride + patches.left + s;
        if (w >= 0 && w < patches.W) body(r * patches.S + s, h * patches.W + w);
      }
    }
  }
  // Copies a tap of images n ... n + 31 to rows `width` apart; rows past N are zero.
  void copy(int64_t pixel, int64_t n, bf16 *to) const {
    const int64_t C = patches.C, count = least(kStep, N - n), ld = width();
    const bf16 *from = patches.image.as_bf16() + (pixel * N + n) * C;
    for (int64_t i = 0; i < count; ++i, from += C, to += ld) {
      if (C == 3)
        __builtin_memcpy(to, from, 6);
      else
        std::copy_n(from, C, to);
      std::fill_n(to + C, depth - C, bf16{});
    }
    for (int64_t i = count; i < kStep; ++i, to += ld) std::fill_n(to, depth, bf16{});
  }
  // Copies the patch (p, q) of images n ... n + 31 to [32, width()].
  void copy_patch(int64_t p, int64_t q, int64_t n, bf16 *to) const {
    std::fill_n(to, kStep * width(), bf16{});
    for_taps(p, q, [&](int64_t tap, int64_t pixel) { copy(pixel, n, to + tap * depth); });
  }
  // The number of runs of that patch, at most taps(). `space` [32, width()] is for what tiles cannot read in place: few channels, or too
  // few images behind the last pixel.
  int64_t find_runs(int64_t p, int64_t q, int64_t n, Run *runs, bf16 *space) const {
    if (close()) {
      copy_patch(p, q, n, space);
      runs[0] = {space, width() * 2, 0, width() / kStep};
      return 1;
    }
    const Patches &a = patches;
    const bool whole = depth == a.C && reinterpret_cast<uintptr_t>(a.image.data) % 64 == 0;
    int64_t count = 0;
    for_taps(p, q, [&](int64_t tap, int64_t pixel) {
      const int64_t row = pixel * N + n, step = tap * depth / kStep;
      if (whole && row + kStep <= a.H * a.W * N) {
        runs[count++] = {a.image.as_bf16() + row * a.C, a.C * 2, step, depth / kStep};
      } else {
        bf16 *to = space + tap * depth;
        copy(pixel, n, to);
        runs[count++] = {to, width() * 2, step, depth / kStep};
      }
    });
    return count;
  }
};

// ---- Forward and backward input

// How a convolution is split: into runs of output pixels and, where the packed filter does not stay in the second-level cache, panels,
// which all pixels of a run pass by one after the other. No sum depends on it.
struct ConvSplit {
  static constexpr int64_t kResident = 1 << 19, kWork = 1 << 24;
  int64_t pixels, panels, pixels_at_once, panels_at_once;

  ConvSplit(const TileImages &images, const TilePanels &filter) : pixels(images.patches.P * images.patches.Q), panels(filter.count()) {
    const bool resident = filter.K * filter.N <= kResident;
    panels_at_once = resident ? panels : 1;
    const int64_t work = images.N * filter.K * panels_at_once * kStep;
    pixels_at_once = std::clamp<int64_t>((resident ? 1 : 8) * kWork / std::max<int64_t>(work, 1), 1, pixels);
  }
  int64_t runs() const { return ceil_div(pixels, pixels_at_once); }
  int64_t chunks() const { return runs() * ceil_div(panels, panels_at_once); }
};

// Passes the products of all patches and the filter to finish(row, column, count, low, high), where a row is an image at a pixel of `out`.
template <class Finish>
void convolve(const TileImages &images, const TilePanels &filter, const Output &out, const Finish &finish) {
  constexpr int64_t kStrips = 4;  // that pass by a panel before the next one
  const ConvSplit split(images, filter);
  const int64_t N = images.N, Q = images.patches.Q;
  parallel_for(split.chunks(), [&](int64_t chunk) {
    const int64_t begin = chunk % split.runs() * split.pixels_at_once, end = least(split.pixels, begin + split.pixels_at_once);
    const int64_t first_panel = chunk / split.runs() * split.panels_at_once,
                  last_panel = least(split.panels, first_panel + split.panels_at_once);
    const int64_t space = kStep * images.width();
    Run *runs = array_of<Run>(Scratch::block, kStrips * images.taps());
    bf16 *copies = array_in_scratch<bf16>(kTileStrips, kStrips * space);
    const TileScope scope;
    TwoBlocks blocks;
    PendingSums<Finish> sums(blocks, filter.N, finish);
    for (int64_t pixel = begin; pixel < end; ++pixel) {
      const int64_t p = pixel / Q, q = pixel % Q, row = ((p * out.step + out.top) * out.W + q * out.step + out.left) * N;
      for (int64_t n = 0; n < N; n += kStrips * kStep) {
        const int64_t strips = least(kStrips, ceil_div(N - n, kStep));
        int64_t counts[kStrips];
        for (int64_t i = 0; i < strips; ++i)
          counts[i] = images.find_runs(p, q, n + i * kStep, runs + i * images.taps(), copies + i * space);
        for (int64_t panel = first_panel; panel < last_panel; ++panel) {
          for (int64_t i = 0; i < strips; ++i) {
            const Run *strip = runs + i * images.taps();
            const int64_t steps = counts[i] ? counts[i] * strip->steps : 1, per_step = ceil_div(TileBlock::kRows, steps);
            TileBlock::zero();
            for (int64_t run = 0; run < counts[i]; ++run) {
              const auto [rows, stride, first, length] = strip[run];
              const bf16 *columns = filter.at(panel, first);
              for (int64_t step = 0; step < length; ++step) {
                const bf16 *upper = rows + step * kStep;
                TileBlock::add_product(upper, upper + 8 * stride, stride, columns + step * 2 * kTileNumbers);
                sums.finish_rows(per_step);
              }
            }
            sums.take(row + n + i * kStep, least(kStep, N - n - i * kStep), panel * kStep);
          }
        }
      }
    }
    sums.finish();
  });
}

// Stores a row of sums of y.
struct StoreOutput {
  int64_t O;
  bf16 *y;
  const float *bias;
  Epilogue epilogue;
  bool stream;

  StoreOutput(const Conv2dForward &op, const Epilogue &epilogue)
      : O(op.O), y(op.y.as_bf16()), bias(op.bias), epilogue(epilogue), stream(streams(op.y, op.O, op.N * op.P * op.Q * op.O)) {}

  [[gnu::always_inline]] void operator()(int64_t row, int64_t o, int64_t count, Vec16 low, Vec16 high) const {
    const int64_t at = row * O + o;
    if (bias) {
      const TwoVectors add = load_32({bias + o, Storage::f32}, count);
      low += add.low;
      high += add.high;
    }
    if (epilogue) {
      low = epilogue.apply(low, at, o, least(16, count));
      if (count > 16) high = epilogue.apply(high, at + 16, o + 16, count - 16);
    }
    store_numbers({y + at, Storage::bf16}, count, low, high, stream);
  }
};

void convolve(const Conv2dForward &op, const Epilogue &epilogue) {
  const FilterOperand filter{op.weight, op.R, op.S, op.C, op.O, op.S, 1, op.R * op.S, op.C * op.R * op.S};
  const StoreOutput finish(op, epilogue);
  if (!op.hwnc) return convolve(static_cast<int>(Scratch::patches), SeparatePatches(op), op.N, pack_forward(filter, op.C), finish);
  const Patches patches{op.x, op.H, op.W, op.C, op.P, op.Q, op.stride, -op.top, -op.left, op.R, op.S};
  const TileImages images{patches, op.N, op.C < kStep ? op.C : whole_steps(op.C)};
  convolve(images, pack_forward(filter, images.depth), {op.y, op.P, op.Q, 1, 0, 0}, finish);
}

// The inputs at (i, j) modulo the stride, as in conv2d.h
void backward_residue(const Conv2dBackwardInput &op, int64_t i, int64_t j) {
  const Residue v(i, op.H, op.R, op.stride, op.top), h(j, op.W, op.S, op.stride, op.left);
  const Patches patches{op.dy, op.P, op.Q, op.O, v.count, h.count, 1, v.top, h.top, v.taps, h.taps};
  const TileImages images{patches, op.N, whole_steps(op.O)};
  const TilePanels filter = pack_backward(
      {op.weight + v.last * op.S + h.last, v.taps, h.taps, op.O, op.C, -op.stride * op.S, -op.stride, op.C * op.R * op.S, op.R * op.S},
      images.depth);
  const bool stream = streams(op.dx, op.C, op.N * op.H * op.W * op.C);
  convolve(
      images, filter, {op.dx, op.H, op.W, op.stride, i, j},
      [ =, C = op.C, dx = op.dx.as_bf16() ](int64_t row, int64_t c, int64_t count, Vec16 low, Vec16 high) __attribute__((always_inline)) {
        store_numbers({dx + (row * C + c), Storage::bf16}, count, low, high, stream);
      });
}

// ---- Backward weight

// dweight as sums over pixels and images of dy^T x, where x are images of `blocks` x 32 channels under the taps R x S. Of 32 images, a
// pixel is one step. Output rows are cut into parts, whose sums are added in order, and outputs into groups. The rows of a part are worked
// on a few at a time, of as many strips of images as fit: packed, they stay in the second-level cache.
struct WeightSplit {
  static constexpr int64_t kOutputs = 64, kFewSums = 1 << 18, kPacked = 5 << 17;  // columns, floats, bf16 numbers
  int64_t H, W, R, S, stride, top, left;                                          // of x
  int64_t outputs, blocks;                                                        // of 32 columns, of dy and of x
  int64_t parts, part_rows, groups, rows, strips, kept;                           // in a part; at once: output rows, strips, rows of x

  WeightSplit(const Conv2dBackwardWeight &op, const TileImages &images) {
    const bool close = images.close();  // then x are the copied patches
    H = close ? op.P : op.H, W = close ? op.Q : op.W, R = close ? 1 : op.R, S = close ? 1 : op.S;
    stride = close ? 1 : op.stride, top = close ? 0 : op.top, left = close ? 0 : op.left;
    outputs = ceil_div(op.O, kStep), blocks = (close ? images.width() : images.depth) / kStep;
    parts = size() <= kFewSums && op.P >= 4 ? 4 * std::max<int64_t>(op.P / 16, 1) : 1;
    part_rows = ceil_div(op.P, parts);
    groups = ceil_div(op.O, kOutputs);
    const auto packed = [&](int64_t some) { return (x_rows(some) * W * blocks + some * op.Q * kOutputs / kStep) * kStep * kStep; };
    rows = part_rows;
    while (rows > 1 && packed(rows) > kPacked) rows = ceil_div(rows, 2);
    strips = rows == part_rows ? std::clamp<int64_t>(kPacked / packed(rows), 1, images.strips()) : 1;
    kept = x_rows(rows);
  }
  int64_t taps() const { return R * S; }
  int64_t size() const { return outputs * blocks * taps() * kSums; }
  static constexpr int64_t kSums = TileBlock::kRows * TileBlock::kColumns;
  int64_t x_rows(int64_t some) const { return least(H, (some - 1) * stride + R); }
  // Whether a tap meets row (or column) i of x
  bool meets_row(int64_t h) const { return (h + top) % stride < R; }
  bool meets_column(int64_t w) const { return (w + left) % stride < S; }
};

// The packed blocks of some rows of images: [block][row][pixel][strip][2][16][32]
struct PackedRows {
  static constexpr int64_t kBlock = 2 * kTileNumbers;
  int64_t rows, row, plane;
  bf16 *data;

  // Planes are not a power of two apart: their lines would fall into the same sets of the cache.
  PackedRows(int slot, int64_t blocks, int64_t rows, int64_t pixels, int64_t strips)
      : rows(rows), row(pixels * strips * kBlock), plane(rows * row + kTileNumbers), data(array_in_scratch<bf16>(slot, blocks * plane)) {}
  bf16 *at(int64_t block, int64_t index) const { return data + block * plane + index % rows * row; }
};

struct WeightGradient {
  const Conv2dBackwardWeight &op;
  TileImages images;
  WeightSplit split;
  float *sums;  // [parts][outputs][blocks][taps][32][32]

  void pack_outputs(const PackedRows &packed, int64_t p, int64_t group, int64_t n, int64_t strips) const {
    for (int64_t q = 0; q < op.Q; ++q) {
      for (int64_t i = 0; i < strips; ++i) {
        const int64_t image = n + i * kStep, first = group * split.kOutputs;
        const Floats dy{op.dy.as_bf16() + ((p * op.Q + q) * op.N + image) * op.O, Storage::bf16};
        for (int64_t o = first; o < least(op.O, first + split.kOutputs); o += kStep)
          pack_transposed(dy + o, op.O, op.N - image, op.O - o, packed.at((o - first) / kStep, p) + (q * split.strips + i) * packed.kBlock,
                          nullptr);
      }
    }
  }

  void pack_inputs(const PackedRows &packed, int64_t h, int64_t n, int64_t strips) const {
    bf16 *patch = images.close() ? array_in_scratch<bf16>(kTileStrips, kStep * images.width()) : nullptr;
    for (int64_t w = 0; w < split.W; ++w) {
      if (!split.meets_column(w)) continue;
      for (int64_t i = 0; i < strips; ++i) {
        const int64_t image = n + i * kStep, to = (w * split.strips + i) * packed.kBlock;
        if (patch) images.copy_patch(h, w, image, patch);
        const int64_t columns = patch ? images.width() : op.C;
        const Floats x{patch ? patch : op.x.as_bf16() + ((h * op.W + w) * op.N + image) * op.C, Storage::bf16};
        for (int64_t block = 0; block < split.blocks; ++block)
          pack_pairs(x + block * kStep, columns, op.N - image, columns - block * kStep, packed.at(block, h) + to);
      }
    }
  }

  // Adds rows p0 ... p1 - 1 of some strips to the sums of one tap of one block, which begin with them if `first`.
  void add_block(const PackedRows &x, const PackedRows &dy, int64_t p0, int64_t p1, int64_t strips, int64_t tap, int64_t block,
                 int64_t output, bool first, float *sum) const {
    const int64_t r = tap / split.S - split.top, s = tap % split.S - split.left, step = split.strips * dy.kBlock;
    const int64_t q0 = s < 0 ? ceil_div(-s, split.stride) : 0, q1 = least(op.Q, (split.W - 1 - s) / split.stride + 1);
    if (first)
      TileBlock::zero();
    else
      TileBlock::load(sum);
    for (int64_t p = p0; p < p1; ++p) {
      const int64_t h = p * split.stride + r;
      if (h < 0 || h >= split.H || split.W - 1 < s) continue;
      const bf16 *left = dy.at(output, p) + q0 * step, *right = x.at(block, h) + (q0 * split.stride + s) * step;
      for (int64_t q = q0; q < q1; ++q, left += step, right += split.stride * step)
        for (int64_t i = 0; i < strips * dy.kBlock; i += dy.kBlock)
          TileBlock::add_product(left + i, left + i + kTileNumbers, 64, right + i);
    }
    TileBlock::store(sum);
  }

  void add_part(int64_t part, int64_t group) const {
    const int64_t begin = part * split.part_rows, end = least(op.P, begin + split.part_rows);
    const int64_t first_output = group * split.kOutputs / kStep, outputs = least(split.kOutputs / kStep, split.outputs - first_output);
    const PackedRows x(kTileRight, split.blocks, split.kept, split.W, split.strips), dy(kTileLeft, outputs, split.rows, op.Q, split.strips);
    float *part_sums = sums + part * split.size();
    if (begin >= end)
      std::fill_n(part_sums + first_output * split.blocks * split.taps() * split.kSums, outputs * split.blocks * split.taps() * split.kSums,
                  0.0f);
    const TileScope scope;
    for (int64_t n = 0; n < op.N; n += split.strips * kStep) {
      const int64_t strips = least(split.strips, ceil_div(op.N - n, kStep));
      int64_t packed = 0;  // rows of x before it are
      for (int64_t p0 = begin; p0 < end; p0 += split.rows) {
        const int64_t p1 = least(end, p0 + split.rows), top = p0 * split.stride - split.top;
        const int64_t last = least(split.H, (p1 - 1) * split.stride - split.top + split.R);
        for (int64_t p = p0; p < p1; ++p) pack_outputs(dy, p, group, n, strips);
        for (packed = std::max({packed, top, int64_t{0}}); packed < last; ++packed)
          if (split.meets_row(packed)) pack_inputs(x, packed, n, strips);
        for (int64_t block = 0; block < split.blocks; ++block)
          for (int64_t tap = 0; tap < split.taps(); ++tap)
            for (int64_t o = 0; o < outputs; ++o)
              add_block(x, dy, p0, p1, strips, tap, block, o, p0 == begin && n == 0,
                        part_sums + (((first_output + o) * split.blocks + block) * split.taps() + tap) * split.kSums);
      }
    }
  }

  // dweight of one block = the sums of all parts, in order
  void add_parts(int64_t output, int64_t block) const {
    const int64_t RS = op.R * op.S, K = images.close() ? RS * op.C : op.C;
    const float *from = sums + (output * split.blocks + block) * split.taps() * split.kSums;
    for (int64_t i = 0; i < TileBlock::kRows; ++i) {
      const int64_t o = output * kStep + paired_column(i);
      if (o >= op.O) continue;
      for (int64_t tap = 0; tap < split.taps(); ++tap) {
        const float *at = from + tap * split.kSums + i * kStep;
        Vec16 low = load<Vec16>(at), high = load<Vec16>(at + 16);
        for (int64_t part = 1; part < split.parts; ++part) {
          low += load<Vec16>(at + part * split.size());
          high += load<Vec16>(at + part * split.size() + 16);
        }
        float row[kStep];
        store(row, low);
        store(row + 16, high);
        float *to = op.dweight + o * op.C * RS;
        for (int64_t j = 0; j < kStep; ++j) {
          const int64_t k = block * kStep + paired_column(j);
          if (k < K) to[images.close() ? k % op.C * RS + k / op.C : k * RS + tap] = row[j];
        }
      }
    }
  }
};

}  // namespace

void conv2d_forward(const Conv2dForward &op) {
  const bool fits = op.hwnc || SeparatePatches::fit(op);
  if (op.x.storage == Storage::f32 || !fits) return avx512::conv2d_forward(op);
  convolve(op, {});
}

void conv2d_norm_forward(const Conv2dNormForward &op) {
  if (!op.conv.hwnc || op.conv.x.storage == Storage::f32) return avx512::conv2d_norm_forward(op);
  convolve(op.conv, epilogue_of(op.norm));
}

void conv2d_backward_input(const Conv2dBackwardInput &op) {
  if (!op.hwnc || op.dx.storage == Storage::f32) return avx512::conv2d_backward_input(op);
  for (int64_t i = 0; i < least(op.stride, op.H); ++i)
    for (int64_t j = 0; j < least(op.stride, op.W); ++j) backward_residue(op, i, j);
}

void conv2d_backward_weight(const Conv2dBackwardWeight &op) {
  const bool separate = SeparatePatches::fit(op);
  if (op.x.storage == Storage::f32 || !(op.hwnc || separate)) return avx512::conv2d_backward_weight(op);
  if (separate) return weight_gradient(static_cast<int>(Scratch::patches), static_cast<int>(Scratch::partials), SeparatePatches(op), op);
  const Patches patches{op.x, op.H, op.W, op.C, op.P, op.Q, op.stride, -op.top, -op.left, op.R, op.S};
  const TileImages images{patches, op.N, op.C < kStep ? op.C : whole_steps(op.C)};
  const WeightSplit split(op, images);
  const WeightGradient gradient{op, images, split, array_of<float>(Scratch::partials, split.parts * split.size())};
  parallel_for(split.parts * split.groups, [&](int64_t chunk) { gradient.add_part(chunk / split.groups, chunk % split.groups); });
  parallel_for(split.outputs * split.blocks, [&](int64_t index) { gradient.add_parts(index / split.blocks, index % split.blocks); });
  if (op.dbias) sum_columns(op.dy, op.N * op.P * op.Q, op.O, op.dbias);
}

}  // namespace distill::amx
