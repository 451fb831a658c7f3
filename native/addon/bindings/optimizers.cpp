#include "addon/bindings/read.h"

namespace distill {

namespace {

constexpr double kBelowOne = 1 - DBL_EPSILON / 2;

// The tensors that an optimizer updates, one row per parameter; `second` only if the optimizer has it.
std::vector<Parameter> read_parameters(Arguments &a, bool has_second) {
  const auto values = a.tensor_list("values", DType::f32, true);
  const auto list = [&](const char *name, bool written) {
    auto tensors = a.tensor_list(name, DType::f32, written);
    a.same_sizes(name, tensors, "values", values);
    return tensors;
  };
  const auto gradients = list("gradients", false);
  const auto first = list("first", true);
  const auto second = has_second ? list("second", true) : first;
  const auto decay = a.flag_list("decay");
  a.same_length("decay", decay.size(), "values", values.size());

  std::vector<Parameter> parameters;
  for (size_t i = 0; i < values.size(); ++i)
    parameters.push_back({values[i]->data<float>(), gradients[i]->data<float>(), first[i]->data<float>(),
                          has_second ? second[i]->data<float>() : nullptr, values[i]->size, decay[i]});
  return parameters;
}

// The op uses the list, which lives as long as the arguments.
template <class Op>
void hold(Arguments &a, Op &op, std::vector<Parameter> list) {
  const std::vector<Parameter> &parameters = a.keep(std::move(list));
  op.parameters = parameters.data();
  op.count = static_cast<int64_t>(parameters.size());
}

template <class Optimizer>
void take_parameters(Arguments &a, Optimizer &op, bool has_second) {
  hold(a, op, read_parameters(a, has_second));
}

}  // namespace

void read(Arguments &a, AdamW &op) {
  take_parameters(a, op, true);
  op.step = a.integer("step", 1, kMaxSafeInteger);
  op.learning_rate = a.number<double>("learningRate", 0, DBL_MAX);
  op.beta1 = a.number<double>("beta1", 0, kBelowOne);
  op.beta2 = a.number<double>("beta2", 0, kBelowOne);
  op.eps = a.number<double>("eps", 0, DBL_MAX);
  op.weight_decay = a.number<double>("weightDecay", 0, DBL_MAX);
}

void read(Arguments &a, Sgd &op) {
  take_parameters(a, op, false);
  op.step = a.integer("step", 1, kMaxSafeInteger);
  op.learning_rate = a.number<double>("learningRate", 0, DBL_MAX);
  op.momentum = a.number<double>("momentum", 0, DBL_MAX);
  op.weight_decay = a.number<double>("weightDecay", 0, DBL_MAX);
  op.nesterov = a.flag("nesterov");
}

void read(Arguments &a, Accumulate &op) {
  const auto values = a.tensor_list("values", DType::f32, true);
  const auto gradients = a.tensor_list("gradients", DType::f32, false);
  a.same_sizes("gradients", gradients, "values", values);
  std::vector<Parameter> parameters;
  for (size_t i = 0; i < values.size(); ++i)
    parameters.push_back({values[i]->data<float>(), gradients[i]->data<float>(), nullptr, nullptr, values[i]->size, false});
  hold(a, op, parameters);
  op.keep = a.number("keep", 0, 1);
  op.share = a.number("share", 0, 1);
}

void read(Arguments &a, ClipNorm &op) {
  std::vector<Parameter> parameters;
  for (const Tensor *value : a.tensor_list("values", DType::f32, true))
    parameters.push_back({value->data<float>(), nullptr, nullptr, nullptr, value->size, false});
  hold(a, op, parameters);
  op.norm = a.tensor<float>("norm", "1");
  op.most = a.number<double>("most", 0, DBL_MAX);
}

}  // namespace distill
