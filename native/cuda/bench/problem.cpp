#include "cuda/bench/problem.h"

#include <stdexcept>

namespace distill::bench {

namespace {

int64_t windows(int64_t extent, int64_t kernel, int64_t stride, int64_t padding) { return (extent + 2 * padding - kernel) / stride + 1; }

}  // namespace

Problem::Problem(Device &device, const Case &test) : device_(device), test_(test) {
  for (const auto &[name, input] : test.inputs)
    add(name, input.dtype == "f32" && test.stored.count(name) ? "bf16" : input.dtype, input.shape, test.values(name), false);
  const std::map<std::string, void (Problem::*)()> kinds = {
      {"linear", &Problem::linear},          {"mlp", &Problem::mlp},
      {"gelu", &Problem::elementwise},       {"add", &Problem::elementwise},
      {"conv2d", &Problem::conv2d},          {"batchNorm", &Problem::batch_norm},
      {"conv2dNorm", &Problem::conv2d_norm}, {"layerNorm", &Problem::layer_norm},
      {"attention", &Problem::attention},    {"embedTokens", &Problem::tokens},
      {"selectToken", &Problem::tokens},     {"averagePool", &Problem::pool},
      {"maxPool", &Problem::pool},           {"distillationLoss", &Problem::distillation_loss},
      {"adamw", &Problem::optimizer},        {"sgd", &Problem::optimizer},
      {"assembleBatch", &Problem::images},   {"sampleViews", &Problem::views},
      {"prepareImage", &Problem::images},
  };
  const auto kind = kinds.find(test.op);
  if (kind == kinds.end()) throw std::runtime_error("no op " + test.op);
  (this->*kind->second)();
}

Problem::~Problem() {
  for (const auto &[name, tensor] : tensors_) device_.free(tensor.memory, static_cast<int64_t>(tensor.initial.size()));
}

void Problem::load() {
  for (const auto &[name, tensor] : tensors_)
    device_.write(tensor.memory, tensor.initial.data(), static_cast<int64_t>(tensor.initial.size()));
}

std::map<std::string, std::vector<float>> Problem::outputs() {
  std::map<std::string, std::vector<float>> outputs;
  for (const auto &[name, tensor] : tensors_) {
    if (!tensor.is_output) continue;
    std::vector<uint8_t> bytes(tensor.initial.size());
    device_.read(bytes.data(), tensor.memory, static_cast<int64_t>(bytes.size()));
    outputs[name] = loaded_from(tensor.dtype, bytes, product(tensor.shape));
  }
  return outputs;
}

bool Problem::can_be_recorded() const {
  return test_.op != "adamw" && test_.op != "sgd" && test_.op != "assembleBatch" && test_.op != "prepareImage";
}

FloatsOut Problem::floats(const std::string &name) const {
  if (!has(name)) return {};
  return {at(name).memory, at(name).dtype == "bf16" ? Storage::bf16 : Storage::f32};
}

void Problem::add(const std::string &name, const std::string &dtype, const Shape &shape, const std::vector<float> &values, bool is_output) {
  std::vector<uint8_t> initial = stored_as(dtype, values);
  void *memory = device_.allocate(static_cast<int64_t>(initial.size()));
  tensors_[name] = {dtype, shape, memory, std::move(initial), is_output};
}

void Problem::add_output(const std::string &name, const std::string &dtype, const Shape &shape, bool is_output) {
  add(name, dtype, shape, std::vector<float>(static_cast<size_t>(product(shape))), is_output);
}

void Problem::add_output_gradient(const std::string &y) { add("dy", at(y).dtype, at(y).shape, test_.output_gradient(size(y)), false); }

std::string Problem::dtype_of(const std::string &name, const std::string &otherwise) const {
  return test_.stored.count(name) ? "bf16" : otherwise;
}

int64_t Problem::whole(const std::string &option) const { return static_cast<int64_t>(test_.option(option)); }

template <class Op>
void Problem::call(const std::string &name, void (*op)(const Op &), const Op &arguments, double flops,
                   std::initializer_list<const char *> touched) {
  double bytes = 0;
  for (const char *tensor : touched)
    if (has(tensor)) bytes += static_cast<double>(size(tensor) * bytes_of(at(tensor).dtype));
  calls_.push_back({name, flops, bytes, [op, arguments] { op(arguments); }});
}
#define CALL(name, ...) call(#name, device_.ops().name, __VA_ARGS__)

// ---- Ops, forward and backward, as src-main/tensor/ops calls them

void Problem::linear() {
  const int64_t I = at("weight").shape[1], O = at("weight").shape[0], M = size("x") / I;
  const double flops = 2.0 * static_cast<double>(M * I * O);
  Shape shape = at("x").shape;
  shape.back() = O;
  add_output("y", dtype_of("y", "f32"), shape);
  CALL(linear_forward, LinearForward{floats("x"), f32("weight"), f32("bias"), floats("residual"), floats("y"), {}, M, I, O, false}, flops,
       {"x", "weight", "residual", "y"});
  add_output_gradient("y");
  add_output("dx", at("x").dtype, at("x").shape);
  CALL(linear_backward_input, LinearBackwardInput{floats("dy"), f32("weight"), {}, floats("dx"), M, I, O}, flops, {"dy", "weight", "dx"});
  add_output("dweight", "f32", at("weight").shape);
  if (has("bias")) add_output("dbias", "f32", {O});
  CALL(linear_backward_weight, LinearBackwardWeight{floats("x"), floats("dy"), f32("dweight"), f32("dbias"), M, I, O}, flops,
       {"x", "dy", "dweight"});
}

void Problem::mlp() {
  const int64_t I = extent("weight1", 1), H = extent("weight1", 0), O = extent("weight2", 0), M = size("x") / I;
  const double first = 2.0 * static_cast<double>(M * I * H), second = 2.0 * static_cast<double>(M * H * O);
  const std::string stored = at("x").dtype;
  Shape shape = at("x").shape;
  shape.back() = O;
  add_output("y", has("residual") ? at("residual").dtype : stored, shape);
  shape.back() = H;
  for (const char *name : {"hidden", "gelu_grad", "dhidden"}) add_output(name, stored, shape, false);
  CALL(linear_forward, LinearForward{floats("x"), f32("weight1"), f32("bias1"), {}, floats("hidden"), floats("gelu_grad"), M, I, H, true},
       first, {"x", "weight1", "hidden", "gelu_grad"});
  CALL(linear_forward, LinearForward{floats("hidden"), f32("weight2"), f32("bias2"), floats("residual"), floats("y"), {}, M, H, O, false},
       second, {"hidden", "weight2", "residual", "y"});
  add_output_gradient("y");
  CALL(linear_backward_input, LinearBackwardInput{floats("dy"), f32("weight2"), floats("gelu_grad"), floats("dhidden"), M, H, O}, second,
       {"dy", "weight2", "gelu_grad", "dhidden"});
  add_output("dx", stored, at("x").shape);
  CALL(linear_backward_input, LinearBackwardInput{floats("dhidden"), f32("weight1"), {}, floats("dx"), M, I, H}, first,
       {"dhidden", "weight1", "dx"});
  for (const char *number : {"1", "2"}) {
    const std::string weight = std::string("weight") + number, bias = std::string("bias") + number;
    add_output("d" + weight, "f32", at(weight).shape);
    add_output("d" + bias, "f32", at(bias).shape);
  }
  CALL(linear_backward_weight, LinearBackwardWeight{floats("hidden"), floats("dy"), f32("dweight2"), f32("dbias2"), M, H, O}, second,
       {"hidden", "dy", "dweight2"});
  CALL(linear_backward_weight, LinearBackwardWeight{floats("x"), floats("dhidden"), f32("dweight1"), f32("dbias1"), M, I, H}, first,
       {"x", "dhidden", "dweight1"});
}

void Problem::elementwise() {
  const std::string first = test_.op == "gelu" ? "x" : "a";
  const int64_t count = size(first);
  add_output("y", at(first).dtype, at(first).shape);
  if (test_.op == "add") CALL(add, Add{floats("a"), floats("b"), floats("y"), count}, 0, {"a", "b", "y"});
  if (test_.op != "gelu") return;
  CALL(gelu_forward, GeluForward{floats("x"), floats("y"), count}, 0, {"x", "y"});
  add_output_gradient("y");
  add_output("dx", at("x").dtype, at("x").shape);
  CALL(gelu_backward, GeluBackward{floats("x"), floats("dy"), floats("dx"), count}, 0, {"x", "dy", "dx"});
}

void Problem::conv2d() {
  const auto stride = static_cast<int64_t>(test_.option("stride", 1)), padding = static_cast<int64_t>(test_.option("padding"));
  const int64_t N = extent("x", 0), H = extent("x", 1), W = extent("x", 2), C = extent("x", 3);
  const int64_t O = extent("weight", 0), R = extent("weight", 2), S = extent("weight", 3);
  const int64_t P = windows(H, R, stride, padding), Q = windows(W, S, stride, padding);
  const double flops = 2.0 * static_cast<double>(N * P * Q * O * C * R * S);
  add_output("y", at("x").dtype, {N, P, Q, O});
  CALL(conv2d_forward, Conv2dForward{floats("x"), f32("weight"), f32("bias"), floats("y"), N, H, W, C, O, R, S, P, Q, stride, padding},
       flops, {"x", "weight", "y"});
  add_output_gradient("y");
  add_output("dx", at("x").dtype, at("x").shape);
  CALL(conv2d_backward_input, Conv2dBackwardInput{floats("dy"), f32("weight"), floats("dx"), N, H, W, C, O, R, S, P, Q, stride, padding},
       flops, {"dy", "weight", "dx"});
  add_output("dweight", "f32", at("weight").shape);
  if (has("bias")) add_output("dbias", "f32", {O});
  CALL(conv2d_backward_weight,
       Conv2dBackwardWeight{floats("x"), floats("dy"), f32("dweight"), f32("dbias"), N, H, W, C, O, R, S, P, Q, stride, padding}, flops,
       {"x", "dy", "dweight"});
}

void Problem::conv2d_norm() {
  const auto stride = static_cast<int64_t>(test_.option("stride", 1)), padding = static_cast<int64_t>(test_.option("padding"));
  const int64_t N = extent("x", 0), H = extent("x", 1), W = extent("x", 2), C = extent("x", 3);
  const int64_t O = extent("weight", 0), R = extent("weight", 2), S = extent("weight", 3);
  const int64_t P = windows(H, R, stride, padding), Q = windows(W, S, stride, padding);
  add_output("y", at("x").dtype, {N, P, Q, O});
  const Conv2dForward conv{floats("x"), f32("weight"), f32("bias"), floats("y"), N, H, W, C, O, R, S, P, Q, stride, padding};
  const BatchNormForwardEval norm{floats("y"),
                                  floats("residual"),
                                  floats("y"),
                                  f32("normWeight"),
                                  f32("normBias"),
                                  f32("runningMean"),
                                  f32("runningVar"),
                                  N * P * Q,
                                  O,
                                  static_cast<float>(test_.option("eps", 1e-5)),
                                  test_.option("relu") != 0};
  CALL(conv2d_norm_forward, Conv2dNormForward{conv, norm}, 2.0 * static_cast<double>(N * P * Q * O * C * R * S), {"x", "weight", "y"});
}

void Problem::batch_norm() {
  const int64_t C = size("weight"), M = size("x") / C;
  const auto eps = static_cast<float>(test_.option("eps", 1e-5)), momentum = static_cast<float>(test_.option("momentum", 0.1));
  const bool relu = test_.option("relu") != 0;
  add_output("y", at("x").dtype, at("x").shape);
  if (test_.option("training") == 0) {
    CALL(batch_norm_forward_eval,
         BatchNormForwardEval{floats("x"), floats("residual"), floats("y"), f32("weight"), f32("bias"), f32("runningMean"),
                              f32("runningVar"), M, C, eps, relu},
         0, {"x", "residual", "y"});
    return;
  }
  tensors_["runningMean"].is_output = tensors_["runningVar"].is_output = true;
  for (const char *name : {"mean", "rstd"}) add_output(name, "f32", {C}, false);
  CALL(batch_norm_forward_train,
       BatchNormForwardTrain{floats("x"), floats("residual"), floats("y"), f32("weight"), f32("bias"), f32("runningMean"),
                             f32("runningVar"), f32("mean"), f32("rstd"), M, C, momentum, eps, relu},
       0, {"x", "x", "residual", "y"});
  add_output_gradient("y");
  add_output("dx", at("x").dtype, at("x").shape);
  if (has("residual")) add_output("dresidual", at("x").dtype, at("x").shape);
  for (const char *name : {"dweight", "dbias"}) add_output(name, "f32", {C});
  CALL(batch_norm_backward,
       BatchNormBackward{floats("x"), floats("dy"), relu ? floats("y") : FloatsOut{}, floats("dx"), floats("dresidual"), f32("weight"),
                         f32("mean"), f32("rstd"), f32("dweight"), f32("dbias"), M, C, relu},
       0, {"x", "x", "dy", "dy", "dx", "dresidual"});
}

void Problem::layer_norm() {
  const int64_t D = size("weight"), M = size("x") / D;
  add_output("y", dtype_of("y", "f32"), at("x").shape);
  for (const char *name : {"mean", "rstd"}) add_output(name, "f32", {M}, false);
  CALL(layer_norm_forward,
       LayerNormForward{floats("x"), f32("weight"), f32("bias"), floats("y"), f32("mean"), f32("rstd"), M, D,
                        static_cast<float>(test_.option("eps"))},
       0, {"x", "y"});
  add_output_gradient("y");
  add_output("dx", at("x").dtype, at("x").shape);
  for (const char *name : {"dweight", "dbias"}) add_output(name, "f32", {D});
  CALL(layer_norm_backward,
       LayerNormBackward{floats("x"), floats("dy"), f32("weight"), f32("mean"), f32("rstd"), floats("dx"), f32("dweight"), f32("dbias"), M,
                         D},
       0, {"x", "dy", "dx"});
}

void Problem::attention() {
  const auto A = static_cast<int64_t>(test_.option("heads"));
  const int64_t N = extent("qkv", 0), T = extent("qkv", 1), D = extent("qkv", 2) / 3, E = D / A;
  const int64_t Q = static_cast<int64_t>(test_.option("queries", static_cast<double>(T)));
  const double product_flops = 2.0 * static_cast<double>(N * A * Q * T * E);
  add_output("y", at("qkv").dtype, {N, Q, D});
  add_output("logsumexp", "f32", {N, A, Q}, false);
  CALL(attention_forward, AttentionForward{floats("qkv"), floats("y"), f32("logsumexp"), N, T, Q, A, E}, 2 * product_flops, {"qkv", "y"});
  add_output_gradient("y");
  add_output("dqkv", at("qkv").dtype, at("qkv").shape);
  CALL(attention_backward, AttentionBackward{floats("qkv"), floats("y"), floats("dy"), f32("logsumexp"), floats("dqkv"), N, T, Q, A, E},
       5 * product_flops, {"qkv", "y", "dy", "dqkv"});
}

void Problem::tokens() {
  if (test_.op == "selectToken") {
    const int64_t N = extent("x", 0), T = extent("x", 1), D = extent("x", 2), index = static_cast<int64_t>(test_.option("index"));
    add_output("y", at("x").dtype, {N, D});
    CALL(select_token_forward, SelectTokenForward{floats("x"), floats("y"), N, T, D, index}, 0, {"y", "y"});
    add_output_gradient("y");
    add_output("dx", at("x").dtype, at("x").shape);
    CALL(select_token_backward, SelectTokenBackward{floats("dy"), floats("dx"), N, T, D, index}, 0, {"dy", "dx"});
    return;
  }
  const int64_t N = extent("patches", 0), T = extent("patches", 1) + 1, D = extent("patches", 2);
  add_output("y", "f32", {N, T, D});
  CALL(embed_tokens_forward, EmbedTokensForward{floats("patches"), f32("classToken"), f32("position"), f32("y"), N, T, D}, 0,
       {"patches", "y"});
  add_output_gradient("y");
  for (const char *name : {"patches", "classToken", "position"}) add_output(std::string("d") + name, at(name).dtype, at(name).shape);
  CALL(embed_tokens_backward, EmbedTokensBackward{f32("dy"), floats("dpatches"), f32("dclassToken"), f32("dposition"), N, T, D}, 0,
       {"dy", "dpatches"});
}

void Problem::pool() {
  const int64_t N = extent("x", 0), H = extent("x", 1), W = extent("x", 2), C = extent("x", 3);
  if (test_.op == "averagePool") {
    add_output("y", at("x").dtype, {N, C});
    CALL(average_pool_forward, AveragePoolForward{floats("x"), floats("y"), N, H, W, C}, 0, {"x", "y"});
    add_output_gradient("y");
    add_output("dx", at("x").dtype, at("x").shape);
    CALL(average_pool_backward, AveragePoolBackward{floats("dy"), floats("dx"), N, H, W, C}, 0, {"dy", "dx"});
    return;
  }
  const int64_t kernel = whole("kernel"), stride = whole("stride"), padding = whole("padding");
  const int64_t P = windows(H, kernel, stride, padding), Q = windows(W, kernel, stride, padding);
  add_output("y", at("x").dtype, {N, P, Q, C});
  add_output("indices", "i32", {N, P, Q, C}, false);
  CALL(max_pool_forward, MaxPoolForward{floats("x"), floats("y"), data<int32_t>("indices"), N, H, W, C, P, Q, kernel, stride, padding}, 0,
       {"x", "y", "indices"});
  add_output_gradient("y");
  add_output("dx", at("x").dtype, at("x").shape);
  CALL(max_pool_backward, MaxPoolBackward{floats("dy"), data<int32_t>("indices"), floats("dx"), N, H, W, C, P, Q, kernel, stride, padding},
       0, {"dy", "indices", "dx"});
}

// The gradient is of the loss alone, and made in the forward pass.
void Problem::distillation_loss() {
  const int64_t N = extent("student", 0), K = extent("student", 1);
  add_output("y", "f32", {1});
  add_output("metrics", "f32", {3});
  add_output("dstudent", "f32", {N, K});
  CALL(distillation_loss,
       DistillationLoss{f32("student"), f32("teacher"), data<int32_t>("labels"), f32("dstudent"), f32("y"), f32("metrics"), N, K,
                        static_cast<float>(test_.option("temperature", 1)), static_cast<float>(test_.option("alpha"))},
       0, {"student", "teacher", "dstudent"});
}

// As many steps as there are gradients, over two parameters, one of them without decay.
void Problem::optimizer() {
  const int64_t steps = extent("decayedGradients", 0);
  for (const char *name : {"decayed", "plain"}) {
    tensors_[name].is_output = true;
    for (const char *moment : {".first", ".second"})
      if (moment == std::string(".first") || test_.op == "adamw") add_output(name + std::string(moment), "f32", at(name).shape);
  }
  for (int64_t step = 1; step <= steps; step++) {
    const auto parameters = std::make_shared<std::vector<Parameter>>();
    for (const char *name : {"decayed", "plain"}) {
      const std::string text = name;
      parameters->push_back({f32(text), f32(text + "Gradients") + (step - 1) * size(text), f32(text + ".first"), f32(text + ".second"),
                             size(text), text == "decayed"});
    }
    const double rate = test_.option("learningRate"), decay = test_.option("weightDecay");
    const AdamW adamw{parameters->data(),        2,    step, rate, test_.option("beta1", 0.9), test_.option("beta2", 0.999),
                      test_.option("eps", 1e-8), decay};
    const Sgd sgd{parameters->data(), 2, step, rate, test_.option("momentum"), decay, test_.option("nesterov") != 0};
    calls_.push_back({test_.op, 0, 0, [=, ops = device_.ops(), is_adamw = test_.op == "adamw", kept = parameters] {
                        is_adamw ? ops.adamw(adamw) : ops.sgd(sgd);
                      }});
  }
}

void Problem::images() {
  const auto Z = static_cast<int64_t>(test_.option("size"));
  const std::vector<double> &mean = test_.options.at("mean"), &std = test_.options.at("std");
  const auto normalise = [&](auto &op) {
    for (size_t c = 0; c < 3; c++) op.mean[c] = static_cast<float>(mean[c]), op.std[c] = static_cast<float>(std[c]);
  };
  if (test_.op == "prepareImage") {
    add_output("y", "f32", {1, Z, Z, 3});
    PrepareImage op{data<uint8_t>("image"), floats("y"), extent("image", 0), extent("image", 1), Z, {}, {}};
    normalise(op);
    CALL(prepare_image, op, 0, {"image", "y"});
    return;
  }
  const int64_t N = size("indices");
  add_output("y", dtype_of("y", "f32"), {N, Z, Z, 3});
  AssembleBatch op{data<uint8_t>("images"),
                   data<int32_t>("indices"),
                   floats("y"),
                   N,
                   extent("images", 0),
                   extent("images", 1),
                   extent("images", 2),
                   Z,
                   whole("crop"),
                   whole("flip") != 0,
                   static_cast<uint64_t>(whole("seed")),
                   static_cast<uint64_t>(whole("epoch")),
                   {},
                   {}};
  normalise(op);
  CALL(assemble_batch, op, 0, {"images", "y"});
}

void Problem::views() {
  const int64_t N = whole("count");
  add_output("y", "i32", {N, 3});
  CALL(sample_views,
       SampleViews{data<int32_t>("y"), N, whole("crop"), whole("flip") != 0, static_cast<uint64_t>(whole("seed")),
                   static_cast<uint64_t>(whole("epoch"))},
       0, {"y"});
}

}  // namespace distill::bench
