#include "cpu/select.h"

#include <algorithm>
#include <atomic>

#include "cpu/features.h"
#include "cpu/tiles.h"
#include "cpu/variants.h"

namespace distill {

// The ops written for vectors of any width, and so available for each wider instruction set; all others stay scalar.
// clang-format off
#define DISTILL_VECTOR_OPS(OP)         \
  OP(linear_forward)                   \
  OP(linear_backward_input)            \
  OP(linear_backward_weight)           \
  OP(mlp_forward)                      \
  OP(mlp_backward_input)               \
  OP(gelu_forward)                     \
  OP(gelu_backward)                    \
  OP(add)                              \
  OP(conv2d_forward)                   \
  OP(conv2d_norm_forward)              \
  OP(conv2d_backward_input)            \
  OP(conv2d_backward_weight)           \
  OP(depthwise_conv2d_forward)         \
  OP(depthwise_conv2d_norm_forward)    \
  OP(depthwise_conv2d_backward_input)  \
  OP(depthwise_conv2d_backward_weight) \
  OP(batch_norm_forward_train)         \
  OP(batch_norm_forward_eval)          \
  OP(batch_norm_backward)              \
  OP(layer_norm_forward)               \
  OP(layer_norm_backward)              \
  OP(attention_forward)                \
  OP(attention_backward)               \
  OP(average_pool_forward)             \
  OP(average_pool_backward)            \
  OP(max_pool_forward)                 \
  OP(distillation_loss)                \
  OP(adamw)                            \
  OP(sgd)                              \
  OP(accumulate)

// The ops among them that multiply or write bf16 faster with AVX512_BF16; all others use their avx512 variant.
#define DISTILL_BF16_OPS(OP)          \
  OP(linear_forward)                  \
  OP(linear_backward_input)           \
  OP(linear_backward_weight)          \
  OP(mlp_forward)                     \
  OP(mlp_backward_input)              \
  OP(add)                             \
  OP(conv2d_forward)                  \
  OP(conv2d_norm_forward)             \
  OP(conv2d_backward_input)           \
  OP(depthwise_conv2d_forward)        \
  OP(depthwise_conv2d_norm_forward)   \
  OP(depthwise_conv2d_backward_input) \
  OP(batch_norm_forward_train)        \
  OP(batch_norm_forward_eval)         \
  OP(batch_norm_backward)             \
  OP(layer_norm_forward)              \
  OP(layer_norm_backward)             \
  OP(attention_forward)               \
  OP(attention_backward)

// The ops that consist of products. A variant with a bf16 instruction for them may be slower than fp32 in it: VDPBF16PS has half the rate of the fp32
// multiply-add on Intel, and twice on Zen 4.
#define DISTILL_PRODUCT_OPS(OP) \
  OP(linear_forward)            \
  OP(linear_backward_input)     \
  OP(linear_backward_weight)    \
  OP(mlp_forward)               \
  OP(mlp_backward_input)        \
  OP(conv2d_forward)            \
  OP(conv2d_norm_forward)       \
  OP(conv2d_backward_input)     \
  OP(conv2d_backward_weight)    \
  OP(attention_forward)         \
  OP(attention_backward)

// The ops whose bf16 products AMX computes by tiles, and those that would hold such products up; all others use their avx512_bf16
// variant or, for products, that of avx512.
#define DISTILL_TILE_OPS(OP)   \
  OP(linear_forward)           \
  OP(linear_backward_input)    \
  OP(linear_backward_weight)   \
  OP(conv2d_forward)           \
  OP(conv2d_norm_forward)      \
  OP(conv2d_backward_input)    \
  OP(conv2d_backward_weight)   \
  OP(mlp_forward)              \
  OP(mlp_backward_input)       \
  OP(layer_norm_forward)       \
  OP(layer_norm_backward)      \
  OP(attention_forward)        \
  OP(attention_backward)
// clang-format on

namespace {

constexpr Ops scalar_ops() {
  Ops ops{};
#define DISTILL_TAKE(name, Arguments) ops.name = scalar::name;
  DISTILL_OPS(DISTILL_TAKE)
#undef DISTILL_TAKE
  return ops;
}

#if defined(DISTILL_X86)

constexpr Ops avx2_ops() {
  Ops ops = scalar_ops();
#define DISTILL_TAKE(name) ops.name = avx2::name;
  DISTILL_VECTOR_OPS(DISTILL_TAKE)
#undef DISTILL_TAKE
  return ops;
}

constexpr Ops avx512_ops() {
  Ops ops = scalar_ops();
#define DISTILL_TAKE(name) ops.name = avx512::name;
  DISTILL_VECTOR_OPS(DISTILL_TAKE)
#undef DISTILL_TAKE
  return ops;
}

constexpr Ops avx512_bf16_ops() {
  Ops ops = avx512_ops();
#define DISTILL_TAKE(name) ops.name = avx512_bf16::name;
  DISTILL_BF16_OPS(DISTILL_TAKE)
#undef DISTILL_TAKE
  return ops;
}

// A variant with a bf16 instruction for products, but with those of avx512.
constexpr Ops with_fp32_products(Ops ops) {
#define DISTILL_TAKE(name) ops.name = avx512::name;
  DISTILL_PRODUCT_OPS(DISTILL_TAKE)
#undef DISTILL_TAKE
  return ops;
}

// Processors with AMX are Intel's, whose instruction for pairs is slower than fp32: what has no tiles is widened.
constexpr Ops amx_ops() {
  Ops ops = with_fp32_products(avx512_bf16_ops());
#define DISTILL_TAKE(name) ops.name = amx::name;
  DISTILL_TILE_OPS(DISTILL_TAKE)
#undef DISTILL_TAKE
  return ops;
}

constexpr Ops kTables[] = {scalar_ops(), avx2_ops(), avx512_ops(), avx512_bf16_ops(), amx_ops()};

bool runs(std::initializer_list<const char *> features) {
  return std::all_of(features.begin(), features.end(), [](const char *feature) { return cpu_description().has(feature); });
}

std::vector<Isa> find_isas() {
  std::vector<Isa> isas = {Isa::scalar};
  if (!runs({"avx2", "fma"})) return isas;
  isas.push_back(Isa::avx2);
#if defined(DISTILL_LOWERED)  // cpu/lowered/CMakeLists.txt
  isas.insert(isas.end(), {Isa::avx512, Isa::avx512_bf16, Isa::amx});
#else
  if (!runs({"avx512f", "avx512dq", "avx512bw", "avx512vl"})) return isas;
  isas.push_back(Isa::avx512);
  if (!runs({"avx512_bf16"})) return isas;
  isas.push_back(Isa::avx512_bf16);
  if (runs({"amx_tile", "amx_bf16"}) && allow_tiles()) isas.push_back(Isa::amx);
#endif
  return isas;
}

const Ops &table_of(Isa isa) { return kTables[static_cast<int>(isa)]; }

const Ops &fp32_product_ops(Isa isa) {
  static constexpr Ops kPairs = with_fp32_products(avx512_bf16_ops()), kTiles = with_fp32_products(amx_ops());
  return isa == Isa::avx512_bf16 ? kPairs : isa == Isa::amx ? kTiles : table_of(isa);
}

#elif defined(DISTILL_ARM64)

constexpr Ops neon_ops() {
  Ops ops = scalar_ops();
#define DISTILL_TAKE(name) ops.name = neon::name;
  DISTILL_VECTOR_OPS(DISTILL_TAKE)
#undef DISTILL_TAKE
  return ops;
}

constexpr Ops kScalar = scalar_ops(), kNeon = neon_ops();

const Ops &table_of(Isa isa) { return isa == Isa::neon ? kNeon : kScalar; }
const Ops &fp32_product_ops(Isa isa) { return table_of(isa); }

// Every arm64 processor has it.
std::vector<Isa> find_isas() { return {Isa::scalar, Isa::neon}; }

#else

constexpr Ops kScalar = scalar_ops();

const Ops &table_of(Isa) { return kScalar; }
const Ops &fp32_product_ops(Isa isa) { return table_of(isa); }

std::vector<Isa> find_isas() { return {Isa::scalar}; }

#endif

std::atomic<Isa> &selected() {
  static std::atomic<Isa> isa = available_isas().back();
  return isa;
}

std::atomic<Bf16Products> wanted_products = Bf16Products::bf16;

}  // namespace

const char *isa_name(Isa isa) {
  constexpr const char *kNames[] = {"scalar", "avx2", "avx512", "avx512_bf16", "amx", "neon"};
  return kNames[static_cast<int>(isa)];
}

const std::vector<Isa> &available_isas() {
  static const std::vector<Isa> isas = find_isas();
  return isas;
}

Isa selected_isa() { return selected(); }
void select_isa(Isa isa) { selected() = isa; }

const char *bf16_products_name(Bf16Products products) { return products == Bf16Products::bf16 ? "bf16" : "fp32"; }

bool has_bf16_products(Isa isa) { return isa == Isa::avx512_bf16 || isa == Isa::amx; }

Bf16Products selected_bf16_products() { return has_bf16_products(selected_isa()) ? wanted_products.load() : Bf16Products::fp32; }
void select_bf16_products(Bf16Products products) { wanted_products = products; }

const Ops &cpu_ops() {
  const Isa isa = selected_isa();
  return selected_bf16_products() == Bf16Products::bf16 ? table_of(isa) : fp32_product_ops(isa);
}

}  // namespace distill
