// The cases: ops of the variants avx512, avx512_bf16 and amx at shapes with and without remainders. Also what kernels ask of the rest of
// the addon, in its simplest form: chunks one after the other, and scratch from a fixed buffer.
#include "cases.h"

#include <cstddef>

#include "cpu/gelu_table.h"
#include "cpu/threads.h"
#include "cpu/variants.h"

namespace distill {

// Variants that have no function of their own for an op leave it null here.
#define DISTILL_WEAK(name, Arguments) [[gnu::weak]] void name(const Arguments &);
namespace avx512 {
DISTILL_OPS(DISTILL_WEAK)
}
namespace avx512_bf16 {
DISTILL_OPS(DISTILL_WEAK)
}
namespace amx {
DISTILL_OPS(DISTILL_WEAK)
}
#undef DISTILL_WEAK
// What other variants leave to scalar code has no case.
#define DISTILL_NO_CASE(name, Arguments) \
  void name(const Arguments &) { __builtin_trap(); }
namespace scalar {
DISTILL_OPS(DISTILL_NO_CASE)
}
#undef DISTILL_NO_CASE

void parallel_for(int64_t chunks, void (*body)(void *context, int64_t chunk), void *context) {
  for (int64_t chunk = 0; chunk < chunks; ++chunk) body(context, chunk);
}

namespace {

constexpr int64_t kSlots = 12, kSlotBytes = 4 << 20;
alignas(64) unsigned char slots[kSlots][kSlotBytes];

}  // namespace

void *scratch(int slot, int64_t bytes) {
  if (slot < 0 || slot >= kSlots || bytes > kSlotBytes) __builtin_trap();
  return slots[slot];
}

// Both sides must have the same one.
extern "C" float logf(float x) {
  uint32_t bits;
  __builtin_memcpy(&bits, &x, sizeof(bits));
  const int exponent = static_cast<int>(bits >> 23) - 127;
  bits = (bits & 0x7fffff) | 0x3f800000;
  __builtin_memcpy(&x, &bits, sizeof(bits));
  // log(m) = 2 atanh((m - 1) / (m + 1)) for m in [1, 2)
  const double t = (double(x) - 1) / (double(x) + 1), square = t * t;
  double sum = 0;
  for (int k = 41; k > 0; k -= 2) sum = sum * square + 1.0 / k;
  return static_cast<float>(2 * t * sum + exponent * 0.69314718055994530942);
}

namespace processor {

unsigned char results[kResultBytes];
int64_t result_bytes;

namespace {

enum Variant { kAvx512, kAvx512Bf16, kAmx };
constexpr const char *kNames[] = {"avx512", "avx512_bf16", "amx"};

// As select.cpp chooses
Ops ops_of(Variant variant) {
  Ops ops{};
#define DISTILL_TAKE(name, Arguments)                                            \
  ops.name = avx512::name;                                                       \
  if (variant >= kAvx512Bf16 && avx512_bf16::name) ops.name = avx512_bf16::name; \
  if (variant >= kAmx && amx::name) ops.name = amx::name;
  DISTILL_OPS(DISTILL_TAKE)
#undef DISTILL_TAKE
  return ops;
}

// ---- Tensors

constexpr int64_t kMemory = 64 << 20, kMargin = 64;
constexpr unsigned char kUntouched = 0xa5;
alignas(64) unsigned char memory[kMemory];
int64_t used;
uint64_t seed;
Variant variant;
Storage storage;  // of activations
int64_t shift;    // numbers by which activations begin past a line

int64_t size_of(Storage kind) { return kind == Storage::f32 ? 4 : 2; }

// `count` numbers with margins around them that nobody may write
void *allocate(int64_t bytes, int64_t offset = 0) {
  unsigned char *at = memory + used + kMargin + offset;
  used += (bytes + offset + 2 * kMargin + 63) / 64 * 64;
  if (used > kMemory) __builtin_trap();
  __builtin_memset(at - kMargin - offset, kUntouched, static_cast<size_t>(memory + used - (at - kMargin - offset)));
  return at;
}

// Between -1 and 1; every number differs from its neighbours
float next_number() {
  seed = seed * 6364136223846793005u + 1442695040888963407u;
  return static_cast<float>(static_cast<int32_t>(seed >> 32)) * 0x1p-31f;
}

FloatsOut output(int64_t count, Storage kind) { return {allocate(count * size_of(kind), shift * size_of(kind)), kind}; }
FloatsOut output(int64_t count) { return output(count, storage); }
float *output_f32(int64_t count) { return static_cast<float *>(allocate(count * 4)); }

Floats input(int64_t count, float size = 1, float centre = 0, Storage kind = storage) {
  FloatsOut numbers = output(count, kind);
  for (int64_t i = 0; i < count; ++i) numbers[i] = centre + size * next_number();
  return numbers;
}
float *input_f32(int64_t count, float size = 1, float centre = 0) {
  float *numbers = output_f32(count);
  for (int64_t i = 0; i < count; ++i) numbers[i] = centre + size * next_number();
  return numbers;
}

// ---- Results

char name[112];
int64_t name_length;

void append(const char *text) {
  for (; *text && name_length + 1 < static_cast<int64_t>(sizeof(name)); ++text) name[name_length++] = *text;
  name[name_length] = 0;
}
void append(int64_t number) {
  char digits[24];
  int at = 23;
  digits[at] = 0;
  do digits[--at] = static_cast<char>('0' + number % 10);
  while (number /= 10);
  append(digits + at);
}

// Begins a case: "amx bf16 linear_forward 33 192 64 ..."
template <class... Numbers>
void begin(const char *op, Numbers... numbers) {
  used = 0;
  name_length = 0;
  append(kNames[variant]);
  append(storage == Storage::f32 ? " f32 " : shift ? " bf16 (unaligned) " : " bf16 ");
  append(op);
  ((append(" "), append(static_cast<int64_t>(numbers))), ...);
  seed = static_cast<uint64_t>(name_length);
}

void record(const char *what, const void *numbers, int64_t count, Storage kind) {
  auto *header = reinterpret_cast<ResultHeader *>(results + result_bytes);
  const int64_t bytes = count * size_of(kind);
  if (result_bytes + static_cast<int64_t>(sizeof(*header)) + bytes > kResultBytes) __builtin_trap();
  const int64_t length = name_length;
  append(" ");
  append(what);
  __builtin_memcpy(header->name, name, sizeof(name));
  name_length = length;
  name[length] = 0;
  header->storage = kind == Storage::bf16;
  header->bytes = bytes;
  __builtin_memcpy(header + 1, numbers, static_cast<size_t>(bytes));
  result_bytes += static_cast<int64_t>(sizeof(*header)) + (bytes + 7) / 8 * 8;
}
void record(const char *what, FloatsOut numbers, int64_t count) {
  record(what, numbers.data, count, numbers.storage);
  // What follows the numbers, and the margin before them
  const auto *end = static_cast<const unsigned char *>(numbers.data) + count * size_of(numbers.storage);
  const auto *before = static_cast<const unsigned char *>(numbers.data) - kMargin;
  for (int64_t i = 0; i < kMargin; ++i)
    if (end[i] != kUntouched || before[i] != kUntouched) __builtin_trap();
}
void record(const char *what, float *numbers, int64_t count) { record(what, FloatsOut{numbers, Storage::f32}, count); }

// ---- Cases

void linear_forward(const Ops &ops, int64_t M, int64_t I, int64_t O, bool bias, bool gelu, bool slope, bool residual) {
  begin("linear_forward", M, I, O, bias, gelu, slope, residual);
  LinearForward op{.x = input(M * I),
                   .weight = input_f32(O * I, 0.2f),
                   .bias = bias ? input_f32(O) : nullptr,
                   .residual = residual ? input(M * O) : Floats{},
                   .y = output(M * O),
                   .gelu_grad = slope ? output(M * O) : FloatsOut{},
                   .M = M,
                   .I = I,
                   .O = O,
                   .gelu = gelu};
  ops.linear_forward(op);
  record("y", op.y, M * O);
  if (slope) record("slope", op.gelu_grad, M * O);
}

void linear_backward(const Ops &ops, int64_t M, int64_t I, int64_t O, bool gelu, bool bias) {
  begin("linear_backward_input", M, I, O, gelu);
  LinearBackwardInput op{.dy = input(M * O),
                         .weight = input_f32(O * I, 0.2f),
                         .gelu_grad = gelu ? input(M * I) : Floats{},
                         .dx = output(M * I),
                         .M = M,
                         .I = I,
                         .O = O};
  ops.linear_backward_input(op);
  record("dx", op.dx, M * I);

  begin("linear_backward_weight", M, I, O, bias);
  LinearBackwardWeight weight{
      .x = input(M * I), .dy = input(M * O), .dweight = output_f32(O * I), .dbias = bias ? output_f32(O) : nullptr, .M = M, .I = I, .O = O};
  ops.linear_backward_weight(weight);
  record("dweight", weight.dweight, O * I);
  if (bias) record("dbias", weight.dbias, O);
}

void mlp(const Ops &ops, int64_t M, int64_t D, int64_t hidden, bool residual) {
  begin("mlp_forward", M, D, hidden, residual);
  LinearForward first{.x = input(M * D),
                      .weight = input_f32(hidden * D, 0.2f),
                      .bias = input_f32(hidden),
                      .residual = {},
                      .y = output(M * hidden),
                      .gelu_grad = output(M * hidden),
                      .M = M,
                      .I = D,
                      .O = hidden,
                      .gelu = true};
  LinearForward second{.x = first.y,
                       .weight = input_f32(D * hidden, 0.2f),
                       .bias = input_f32(D),
                       .residual = residual ? input(M * D) : Floats{},
                       .y = output(M * D),
                       .gelu_grad = {},
                       .M = M,
                       .I = hidden,
                       .O = D,
                       .gelu = false};
  ops.mlp_forward({first, second});
  record("hidden", first.y, M * hidden);
  record("slope", first.gelu_grad, M * hidden);
  record("y", second.y, M * D);

  begin("mlp_backward_input", M, D, hidden);
  LinearBackwardInput last{.dy = input(M * D),
                           .weight = input_f32(D * hidden, 0.2f),
                           .gelu_grad = input(M * hidden),
                           .dx = output(M * hidden),
                           .M = M,
                           .I = hidden,
                           .O = D};
  LinearBackwardInput before{
      .dy = last.dx, .weight = input_f32(hidden * D, 0.2f), .gelu_grad = {}, .dx = output(M * D), .M = M, .I = D, .O = hidden};
  ops.mlp_backward_input({last, before});
  record("dhidden", last.dx, M * hidden);
  record("dx", before.dx, M * D);
}

void layer_norm(const Ops &ops, int64_t M, int64_t D, Storage x) {
  begin("layer_norm_forward", M, D, x == Storage::bf16);
  LayerNormForward op{.x = input(M * D, 2, 0.5f, x),
                      .weight = input_f32(D, 1, 1),
                      .bias = input_f32(D),
                      .y = output(M * D),
                      .mean = output_f32(M),
                      .rstd = output_f32(M),
                      .M = M,
                      .D = D,
                      .eps = 1e-6f};
  ops.layer_norm_forward(op);
  record("y", op.y, M * D);
  record("mean", op.mean, M);
  record("rstd", op.rstd, M);

  begin("layer_norm_backward", M, D, x == Storage::bf16);
  LayerNormBackward back{.x = input(M * D, 2, 0.5f, x),
                         .dy = input(M * D),
                         .weight = input_f32(D, 1, 1),
                         .mean = input_f32(M),
                         .rstd = input_f32(M, 0.5f, 1),
                         .dx = output(M * D, x),
                         .dweight = output_f32(D),
                         .dbias = output_f32(D),
                         .M = M,
                         .D = D};
  ops.layer_norm_backward(back);
  record("dx", back.dx, M * D);
  record("dweight", back.dweight, D);
  record("dbias", back.dbias, D);
}

void elementwise(const Ops &ops, int64_t size) {
  begin("gelu_forward", size);
  GeluForward forward{.x = input(size, 6), .y = output(size), .size = size};
  ops.gelu_forward(forward);
  record("y", forward.y, size);

  begin("gelu_backward", size);
  GeluBackward backward{.x = input(size, 6), .dy = input(size), .dx = output(size), .size = size};
  ops.gelu_backward(backward);
  record("dx", backward.dx, size);

  begin("add", size);
  Add add{.a = input(size), .b = input(size), .y = output(size), .size = size};
  ops.add(add);
  record("y", add.y, size);
}

void attention(const Ops &ops, int64_t N, int64_t T, int64_t Q, int64_t A, int64_t E) {
  const int64_t packed = N * T * 3 * A * E, plain = N * Q * A * E;
  begin("attention", N, T, Q, A, E);
  AttentionForward forward{
      .qkv = input(packed, 2), .y = output(plain), .logsumexp = output_f32(N * A * Q), .N = N, .T = T, .Q = Q, .A = A, .E = E};
  ops.attention_forward(forward);
  record("y", forward.y, plain);
  record("logsumexp", forward.logsumexp, N * A * Q);

  AttentionBackward backward{.qkv = forward.qkv,
                             .y = forward.y,
                             .dy = input(plain),
                             .logsumexp = forward.logsumexp,
                             .dqkv = output(packed),
                             .N = N,
                             .T = T,
                             .Q = Q,
                             .A = A,
                             .E = E};
  ops.attention_backward(backward);
  record("dqkv", backward.dqkv, packed);
}

void batch_norm(const Ops &ops, int64_t M, int64_t C, bool residual, bool relu) {
  begin("batch_norm_forward_train", M, C, residual, relu);
  const Floats x = input(M * C, 2, 0.5f);
  BatchNormForwardTrain train{.x = x,
                              .residual = residual ? input(M * C) : Floats{},
                              .y = output(M * C),
                              .weight = input_f32(C, 1, 1),
                              .bias = input_f32(C),
                              .running_mean = input_f32(C),
                              .running_var = input_f32(C, 0.5f, 1),
                              .mean = output_f32(C),
                              .rstd = output_f32(C),
                              .M = M,
                              .C = C,
                              .momentum = 0.1f,
                              .eps = 1e-5f,
                              .activation = relu ? Activation::relu : Activation::none};
  ops.batch_norm_forward_train(train);
  record("y", train.y, M * C);
  record("mean", train.mean, C);
  record("rstd", train.rstd, C);
  record("running_var", train.running_var, C);

  BatchNormBackward back{.x = x,
                         .dy = input(M * C),
                         .y = train.y,
                         .dx = output(M * C),
                         .dresidual = residual ? output(M * C) : FloatsOut{},
                         .weight = train.weight,
                         .mean = train.mean,
                         .rstd = train.rstd,
                         .dweight = output_f32(C),
                         .dbias = output_f32(C),
                         .M = M,
                         .C = C,
                         .activation = relu ? Activation::relu : Activation::none};
  ops.batch_norm_backward(back);
  record("dx", back.dx, M * C);
  if (residual) record("dresidual", back.dresidual, M * C);
  record("dweight", back.dweight, C);
  record("dbias", back.dbias, C);

  BatchNormForwardEval eval{.x = x,
                            .residual = train.residual,
                            .y = output(M * C),
                            .weight = train.weight,
                            .bias = train.bias,
                            .running_mean = train.running_mean,
                            .running_var = train.running_var,
                            .M = M,
                            .C = C,
                            .eps = 1e-5f,
                            .activation = relu ? Activation::relu : Activation::none};
  ops.batch_norm_forward_eval(eval);
  record("y in evaluation", eval.y, M * C);
}

struct Shape {
  int64_t N, H, C, O, R, stride, padding;
  bool hwnc = false;
};

void conv2d(const Ops &ops, const Shape &s) {
  const int64_t N = s.N, H = s.H, C = s.C, O = s.O, R = s.R, P = (H + 2 * s.padding - R) / s.stride + 1;
  const int64_t in = N * H * H * C, out = N * P * P * O, filter = O * C * R * R;
  begin("conv2d", N, H, C, O, R, s.stride, s.padding, s.hwnc);
  const auto set_extents = [&](auto &op) {
    op.N = N, op.H = op.W = H, op.C = C, op.O = O, op.R = op.S = R, op.P = op.Q = P;
    op.stride = s.stride, op.top = op.left = s.padding, op.hwnc = s.hwnc;
  };
  Conv2dForward forward{};
  set_extents(forward);
  forward.x = input(in);
  forward.weight = input_f32(filter, 0.2f);
  forward.bias = input_f32(O);
  forward.y = output(out);
  ops.conv2d_forward(forward);
  record("y", forward.y, out);

  forward.y = output(out);
  BatchNormForwardEval norm{.x = forward.y,
                            .residual = input(out),
                            .y = forward.y,
                            .weight = input_f32(O, 1, 1),
                            .bias = input_f32(O),
                            .running_mean = input_f32(O),
                            .running_var = input_f32(O, 0.5f, 1),
                            .M = N * P * P,
                            .C = O,
                            .eps = 1e-5f,
                            .activation = Activation::relu};
  ops.conv2d_norm_forward({forward, norm});
  record("normalised y", forward.y, out);

  Conv2dBackwardInput back{};
  set_extents(back);
  back.dy = input(out);
  back.weight = forward.weight;
  back.dx = output(in);
  ops.conv2d_backward_input(back);
  record("dx", back.dx, in);

  Conv2dBackwardWeight weight{};
  set_extents(weight);
  weight.x = forward.x;
  weight.dy = back.dy;
  weight.dweight = output_f32(filter);
  weight.dbias = output_f32(O);
  ops.conv2d_backward_weight(weight);
  record("dweight", weight.dweight, filter);
  record("dbias", weight.dbias, O);
}

void run_variant() {
  const Ops ops = ops_of(variant);
  linear_forward(ops, 33, 192, 64, true, false, false, true);
  linear_forward(ops, 130, 100, 70, true, true, true, false);
  linear_forward(ops, 65, 33, 31, false, true, false, false);
  linear_forward(ops, 1, 64, 96, false, false, true, true);
  linear_forward(ops, 70, 96, 64, true, true, true, true);
  linear_forward(ops, 5, 7, 3, true, true, true, true);
  linear_backward(ops, 33, 64, 192, false, true);
  linear_backward(ops, 130, 70, 100, true, false);
  linear_backward(ops, 1, 31, 33, true, true);
  linear_backward(ops, 520, 96, 64, true, true);
  linear_backward(ops, 40, 400, 390, false, true);
  mlp(ops, 150, 64, 128, true);
  mlp(ops, 33, 24, 100, false);
  for (const Storage x : {Storage::f32, Storage::bf16}) {
    if (storage == Storage::f32 && x != storage) continue;
    layer_norm(ops, 70, 192, x);
    layer_norm(ops, 3, 384, x);
    layer_norm(ops, 5, 100, x);
  }
  elementwise(ops, 1000);
  attention(ops, 2, 65, 65, 3, 64);
  attention(ops, 1, 17, 17, 2, 24);
  attention(ops, 1, 70, 33, 1, 40);
  attention(ops, 17, 10, 1, 2, 32);
  batch_norm(ops, 100, 64, true, true);
  batch_norm(ops, 33, 20, false, false);
  conv2d(ops, {3, 8, 16, 24, 3, 1, 1});
  conv2d(ops, {2, 7, 32, 40, 3, 2, 1});
  conv2d(ops, {2, 6, 20, 33, 1, 1, 0});
  conv2d(ops, {2, 12, 3, 16, 7, 2, 3});
  conv2d(ops, {2, 8, 3, 48, 4, 4, 0});
  if (variant != kAmx || shift) return;
  conv2d(ops, {32, 4, 32, 64, 3, 1, 1, true});
  conv2d(ops, {20, 5, 24, 33, 3, 2, 1, true});
  conv2d(ops, {33, 4, 64, 32, 1, 2, 0, true});
  conv2d(ops, {16, 9, 3, 32, 3, 1, 1, true});
}

// Too large for every variant: sums in parts, and stores past the caches
void run_large() {
  const Ops ops = ops_of(variant);
  linear_forward(ops, 2800, 32, 192, true, true, true, false);
  linear_backward(ops, 2800, 192, 32, true, true);
}

}  // namespace

void run_cases() {
  result_bytes = 0;
  variant = kAvx512;
  storage = Storage::f32;
  shift = 0;
  begin("table");
  record("of GELU", &gelu_table(), sizeof(GeluTable) / 4, Storage::f32);
  run_variant();
  storage = Storage::bf16;
  for (const Variant each : {kAvx512, kAvx512Bf16, kAmx}) {
    for (const int64_t numbers : {0, 3}) {
      variant = each;
      shift = numbers;
      run_variant();
      if (variant == kAmx) run_large();
    }
  }
}

}  // namespace processor
}  // namespace distill
