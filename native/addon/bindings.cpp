#include "addon/bindings.h"

#include <algorithm>
#include <cfloat>

namespace distill {

namespace {

constexpr int64_t kMaxInt32 = INT32_MAX;
constexpr int64_t kMaxSeed = int64_t{1} << 53;
constexpr float kSmallest = FLT_MIN, kLargest = FLT_MAX;
constexpr double kBelowOne = 1 - DBL_EPSILON / 2;

void read(Arguments &a, LinearForward &op) {
  op.x = a.floats("x", "M.. I");
  op.weight = a.tensor<const float>("weight", "O I");
  op.bias = a.optional_tensor<const float>("bias", "O");
  op.residual = a.optional_floats("residual", "M.. O");
  op.y = a.floats_out("y", "M.. O");
  op.gelu_grad = a.optional_floats_out("geluGrad", "M.. O");
  a.stored_like("y", {"residual", "geluGrad"});
  op.gelu = a.optional_flag("gelu");
  a.may_share("y", "residual");
  op.M = a['M'], op.I = a['I'], op.O = a['O'];
}

void read(Arguments &a, LinearBackwardInput &op) {
  op.dy = a.floats("dy", "M.. O");
  op.weight = a.tensor<const float>("weight", "O I");
  op.gelu_grad = a.optional_floats("geluGrad", "M.. I");
  op.dx = a.floats_out("dx", "M.. I");
  a.stored_like("dx", {"geluGrad"});
  op.M = a['M'], op.I = a['I'], op.O = a['O'];
}

void read(Arguments &a, LinearBackwardWeight &op) {
  op.x = a.floats("x", "M.. I");
  op.dy = a.floats("dy", "M.. O");
  op.dweight = a.tensor<float>("dweight", "O I");
  op.dbias = a.optional_tensor<float>("dbias", "O");
  op.M = a['M'], op.I = a['I'], op.O = a['O'];
}

void read(Arguments &a, GeluForward &op) {
  op.x = a.floats("x", "M..");
  op.y = a.floats_out("y", "M..");
  a.stored_like("x", {"y"});
  op.size = a['M'];
}

void read(Arguments &a, GeluBackward &op) {
  op.x = a.floats("x", "M..");
  op.dy = a.floats("dy", "M..");
  op.dx = a.floats_out("dx", "M..");
  a.stored_like("x", {"dy", "dx"});
  op.size = a['M'];
}

void read(Arguments &a, Add &op) {
  op.a = a.floats("a", "M..");
  op.b = a.floats("b", "M..");
  op.y = a.floats_out("y", "M..");
  a.stored_like("a", {"b", "y"});
  op.size = a['M'];
  a.may_share("y", "a");
  a.may_share("y", "b");
}

void read(Arguments &a, Multiply &op) {
  op.a = a.tensor<const float>("a", "M..");
  op.b = a.tensor<const float>("b", "M..");
  op.y = a.tensor<float>("y", "M..");
  op.size = a['M'];
}

void read(Arguments &a, Scale &op) {
  op.x = a.tensor<const float>("x", "M..");
  op.by = a.optional_tensor<const float>("by", "1");
  op.y = a.tensor<float>("y", "M..");
  op.factor = a.number("factor", -kLargest, kLargest);
  op.size = a['M'];
}

void read(Arguments &a, ReluForward &op) {
  op.x = a.floats("x", "M..");
  op.y = a.floats_out("y", "M..");
  a.stored_like("x", {"y"});
  op.size = a['M'];
}

void read(Arguments &a, ReluBackward &op) {
  op.y = a.floats("y", "M..");
  op.dy = a.floats("dy", "M..");
  op.dx = a.floats_out("dx", "M..");
  a.stored_like("y", {"dy", "dx"});
  op.size = a['M'];
}

void read(Arguments &a, MeanForward &op) {
  op.x = a.floats("x", "M..");
  op.y = a.tensor<float>("y", "1");
  op.size = a['M'];
}

void read(Arguments &a, MeanBackward &op) {
  op.dy = a.tensor<const float>("dy", "1");
  op.dx = a.floats_out("dx", "M..");
  op.size = a['M'];
}

void read(Arguments &a, MeanSquareForward &op) {
  op.x = a.floats("x", "M..");
  op.target = a.optional_floats("target", "M..");
  op.y = a.tensor<float>("y", "1");
  op.size = a['M'];
}

void read(Arguments &a, MeanSquareBackward &op) {
  op.x = a.floats("x", "M..");
  op.target = a.optional_floats("target", "M..");
  op.dy = a.tensor<const float>("dy", "1");
  op.dx = a.floats_out("dx", "M..");
  a.stored_like("x", {"dx"});
  op.size = a['M'];
}

void read(Arguments &a, SumRowsForward &op) {
  op.x = a.tensor<const float>("x", "M.. K");
  op.y = a.tensor<float>("y", "M.. 1");
  op.M = a['M'], op.K = a['K'];
}

void read(Arguments &a, SumRowsBackward &op) {
  op.dx = a.tensor<float>("dx", "M.. K");
  op.dy = a.tensor<const float>("dy", "M.. 1");
  op.M = a['M'], op.K = a['K'];
}

void read(Arguments &a, LogSumExpForward &op) {
  op.x = a.tensor<const float>("x", "M.. K");
  op.y = a.tensor<float>("y", "M.. 1");
  op.M = a['M'], op.K = a['K'];
}

void read(Arguments &a, LogSumExpBackward &op) {
  op.x = a.tensor<const float>("x", "M.. K");
  op.dy = a.tensor<const float>("dy", "M.. 1");
  op.dx = a.tensor<float>("dx", "M.. K");
  op.M = a['M'], op.K = a['K'];
}

void read(Arguments &a, OneHot &op) {
  op.labels = a.tensor<const int32_t>("labels", "N");
  op.y = a.tensor<float>("y", "N K");
  op.N = a['N'], op.K = a['K'];
  a.check_indices("labels", op.K);
}

// Binds the output extents P and Q of a window that slides over H and W. Padding must leave part of each window inside.
void bind_windows(Arguments &a, int64_t height, int64_t width, int64_t stride, int64_t padding) {
  const auto output_extent = [&](char letter, int64_t extent, int64_t window) {
    if (window > extent + 2 * padding)
      a.wrong_range("padding",
                    std::string("at least ") + std::to_string((window - extent + 1) / 2) + " for a window of " + std::to_string(window) +
                        " on " + letter + "=" + std::to_string(extent),
                    std::to_string(padding));
    return (extent + 2 * padding - window) / stride + 1;
  };
  a.bind('P', output_extent('H', a['H'], height));
  a.bind('Q', output_extent('W', a['W'], width));
}

template <class Conv2d>
void read_geometry(Arguments &a, Conv2d &op) {
  op.stride = a.integer("stride", 1, kMaxInt32);
  op.padding = a.integer("padding", 0, std::min(a['R'], a['S']) - 1);
  bind_windows(a, a['R'], a['S'], op.stride, op.padding);
}

template <class Conv2d>
void take_extents(const Arguments &a, Conv2d &op) {
  op.N = a['N'], op.H = a['H'], op.W = a['W'], op.C = a['C'], op.O = a['O'];
  op.R = a['R'], op.S = a['S'], op.P = a['P'], op.Q = a['Q'];
}

void read(Arguments &a, Conv2dForward &op) {
  op.x = a.floats("x", "N H W C");
  op.weight = a.tensor<const float>("weight", "O C R S");
  read_geometry(a, op);
  op.bias = a.optional_tensor<const float>("bias", "O");
  op.y = a.floats_out("y", "N P Q O");
  a.stored_like("x", {"y"});
  take_extents(a, op);
}

void read(Arguments &a, Conv2dBackwardInput &op) {
  op.dx = a.floats_out("dx", "N H W C");
  op.weight = a.tensor<const float>("weight", "O C R S");
  read_geometry(a, op);
  op.dy = a.floats("dy", "N P Q O");
  a.stored_like("dy", {"dx"});
  take_extents(a, op);
}

void read(Arguments &a, Conv2dBackwardWeight &op) {
  op.x = a.floats("x", "N H W C");
  op.dweight = a.tensor<float>("dweight", "O C R S");
  read_geometry(a, op);
  op.dy = a.floats("dy", "N P Q O");
  a.stored_like("x", {"dy"});
  op.dbias = a.optional_tensor<float>("dbias", "O");
  take_extents(a, op);
}

void read(Arguments &a, BatchNormForwardTrain &op) {
  op.x = a.floats("x", "M.. C");
  op.weight = a.tensor<const float>("weight", "C");
  op.bias = a.tensor<const float>("bias", "C");
  op.residual = a.optional_floats("residual", "M.. C");
  op.y = a.floats_out("y", "M.. C");
  a.stored_like("x", {"residual", "y"});
  op.running_mean = a.tensor<float>("runningMean", "C");
  op.running_var = a.tensor<float>("runningVar", "C");
  op.mean = a.tensor<float>("mean", "C");
  op.rstd = a.tensor<float>("rstd", "C");
  op.momentum = a.number("momentum", 0, 1);
  op.eps = a.number("eps", 0, kLargest);
  op.relu = a.flag("relu");
  op.M = a['M'], op.C = a['C'];
}

void read(Arguments &a, BatchNormForwardEval &op) {
  op.x = a.floats("x", "M.. C");
  op.weight = a.tensor<const float>("weight", "C");
  op.bias = a.tensor<const float>("bias", "C");
  op.running_mean = a.tensor<const float>("runningMean", "C");
  op.running_var = a.tensor<const float>("runningVar", "C");
  op.residual = a.optional_floats("residual", "M.. C");
  op.y = a.floats_out("y", "M.. C");
  a.stored_like("x", {"residual", "y"});
  op.eps = a.number("eps", 0, kLargest);
  op.relu = a.flag("relu");
  op.M = a['M'], op.C = a['C'];
}

void read(Arguments &a, Conv2dNormForward &op) {
  read(a, op.conv);
  BatchNormForwardEval &norm = op.norm;
  norm.x = norm.y = op.conv.y;
  norm.weight = a.tensor<const float>("normWeight", "O");
  norm.bias = a.tensor<const float>("normBias", "O");
  norm.running_mean = a.tensor<const float>("runningMean", "O");
  norm.running_var = a.tensor<const float>("runningVar", "O");
  norm.residual = a.optional_floats("residual", "N P Q O");
  a.stored_like("x", {"residual"});
  norm.eps = a.number("eps", 0, kLargest);
  norm.relu = a.flag("relu");
  norm.M = op.conv.N * op.conv.P * op.conv.Q, norm.C = op.conv.O;
}

void read(Arguments &a, BatchNormBackward &op) {
  op.x = a.floats("x", "M.. C");
  op.dy = a.floats("dy", "M.. C");
  op.weight = a.tensor<const float>("weight", "C");
  op.mean = a.tensor<const float>("mean", "C");
  op.rstd = a.tensor<const float>("rstd", "C");
  op.relu = a.flag("relu");
  op.y = op.relu ? a.floats("y", "M.. C") : a.optional_floats("y", "M.. C");
  op.dx = a.floats_out("dx", "M.. C");
  op.dweight = a.tensor<float>("dweight", "C");
  op.dbias = a.tensor<float>("dbias", "C");
  op.dresidual = a.optional_floats_out("dresidual", "M.. C");
  a.stored_like("x", {"dy", "y", "dx", "dresidual"});
  op.M = a['M'], op.C = a['C'];
}

void read(Arguments &a, LayerNormForward &op) {
  op.x = a.floats("x", "M.. D");
  op.weight = a.tensor<const float>("weight", "D");
  op.bias = a.tensor<const float>("bias", "D");
  op.y = a.floats_out("y", "M.. D");
  op.mean = a.tensor<float>("mean", "M..");
  op.rstd = a.tensor<float>("rstd", "M..");
  op.eps = a.number("eps", 0, kLargest);
  op.M = a['M'], op.D = a['D'];
}

void read(Arguments &a, LayerNormBackward &op) {
  op.x = a.floats("x", "M.. D");
  op.dy = a.floats("dy", "M.. D");
  op.weight = a.tensor<const float>("weight", "D");
  op.mean = a.tensor<const float>("mean", "M..");
  op.rstd = a.tensor<const float>("rstd", "M..");
  op.dx = a.floats_out("dx", "M.. D");
  a.stored_like("x", {"dx"});
  op.dweight = a.tensor<float>("dweight", "D");
  op.dbias = a.tensor<float>("dbias", "D");
  op.M = a['M'], op.D = a['D'];
}

// The count of T*T scores of a head must fit in 64 bits.
void check_tokens(const Arguments &a) {
  constexpr int64_t kMost = int64_t{1} << 30;
  if (a['T'] > kMost) a.wrong_range("qkv", "at most " + std::to_string(kMost) + " tokens", std::to_string(a['T']));
}

void check_queries(const Arguments &a) {
  if (a['Q'] > a['T']) a.wrong_range("y", "at most as many tokens as qkv has, " + std::to_string(a['T']), std::to_string(a['Q']));
}

void read(Arguments &a, AttentionForward &op) {
  a.bind('A', a.integer("heads", 1, kMaxInt32));
  op.qkv = a.floats("qkv", "N T 3AE");
  check_tokens(a);
  op.y = a.floats_out("y", "N Q AE");
  check_queries(a);
  a.stored_like("qkv", {"y"});
  op.logsumexp = a.tensor<float>("logsumexp", "N A Q");
  op.N = a['N'], op.T = a['T'], op.Q = a['Q'], op.A = a['A'], op.E = a['E'];
}

void read(Arguments &a, AttentionBackward &op) {
  a.bind('A', a.integer("heads", 1, kMaxInt32));
  op.qkv = a.floats("qkv", "N T 3AE");
  check_tokens(a);
  op.y = a.floats("y", "N Q AE");
  check_queries(a);
  op.dy = a.floats("dy", "N Q AE");
  op.logsumexp = a.tensor<const float>("logsumexp", "N A Q");
  op.dqkv = a.floats_out("dqkv", "N T 3AE");
  a.stored_like("qkv", {"y", "dy", "dqkv"});
  op.N = a['N'], op.T = a['T'], op.Q = a['Q'], op.A = a['A'], op.E = a['E'];
}

// Binds T, the number of tokens, which is one more than the patches, L.
void read(Arguments &a, EmbedTokensForward &op) {
  op.patches = a.floats("patches", "N L D");
  a.bind('T', a['L'] + 1);
  op.class_token = a.tensor<const float>("classToken", "1.. D");
  op.position = a.tensor<const float>("position", "T.. D");
  op.y = a.tensor<float>("y", "N T D");
  op.N = a['N'], op.T = a['T'], op.D = a['D'];
}

void read(Arguments &a, EmbedTokensBackward &op) {
  op.dpatches = a.floats_out("dpatches", "N L D");
  a.bind('T', a['L'] + 1);
  op.dy = a.tensor<const float>("dy", "N T D");
  op.dclass_token = a.tensor<float>("dclassToken", "1.. D");
  op.dposition = a.tensor<float>("dposition", "T.. D");
  op.N = a['N'], op.T = a['T'], op.D = a['D'];
}

void read(Arguments &a, SelectTokenForward &op) {
  op.x = a.floats("x", "N T D");
  op.y = a.floats_out("y", "N D");
  a.stored_like("x", {"y"});
  op.index = a.integer("index", 0, a['T'] - 1);
  op.N = a['N'], op.T = a['T'], op.D = a['D'];
}

void read(Arguments &a, SelectTokenBackward &op) {
  op.dx = a.floats_out("dx", "N T D");
  op.dy = a.floats("dy", "N D");
  a.stored_like("dy", {"dx"});
  op.index = a.integer("index", 0, a['T'] - 1);
  op.N = a['N'], op.T = a['T'], op.D = a['D'];
}

// Binds the number of tokens, L, and returns the first of them.
int64_t read_slice(Arguments &a) {
  const int64_t begin = a.integer("begin", 0, a['T'] - 1);
  a.bind('L', a.integer("end", begin + 1, a['T']) - begin);
  return begin;
}

void read(Arguments &a, SliceTokensForward &op) {
  op.x = a.floats("x", "N T D");
  op.begin = read_slice(a);
  op.y = a.floats_out("y", "N L D");
  a.stored_like("x", {"y"});
  op.N = a['N'], op.T = a['T'], op.D = a['D'], op.L = a['L'];
}

void read(Arguments &a, SliceTokensBackward &op) {
  op.dx = a.floats_out("dx", "N T D");
  op.begin = read_slice(a);
  op.dy = a.floats("dy", "N L D");
  a.stored_like("dy", {"dx"});
  op.N = a['N'], op.T = a['T'], op.D = a['D'], op.L = a['L'];
}

void read(Arguments &a, AveragePoolForward &op) {
  op.x = a.floats("x", "N H W C");
  op.y = a.floats_out("y", "N C");
  a.stored_like("x", {"y"});
  op.N = a['N'], op.H = a['H'], op.W = a['W'], op.C = a['C'];
}

void read(Arguments &a, AveragePoolBackward &op) {
  op.dx = a.floats_out("dx", "N H W C");
  op.dy = a.floats("dy", "N C");
  a.stored_like("dy", {"dx"});
  op.N = a['N'], op.H = a['H'], op.W = a['W'], op.C = a['C'];
}

void read(Arguments &a, ResizeGridForward &op) {
  op.x = a.floats("x", "N H W C");
  op.y = a.floats_out("y", "N S S C");
  a.stored_like("x", {"y"});
  op.N = a['N'], op.H = a['H'], op.W = a['W'], op.C = a['C'], op.S = a['S'];
}

void read(Arguments &a, ResizeGridBackward &op) {
  op.dx = a.floats_out("dx", "N H W C");
  op.dy = a.floats("dy", "N S S C");
  a.stored_like("dy", {"dx"});
  op.N = a['N'], op.H = a['H'], op.W = a['W'], op.C = a['C'], op.S = a['S'];
}

// Positions in an image must fit in int32.
void check_positions(const Arguments &a, const char *name) {
  if (a['H'] * a['W'] > kMaxInt32) a.wrong_range(name, "at most 2147483647 pixels", std::to_string(a['H'] * a['W']));
}

void read(Arguments &a, MaxPoolForward &op) {
  op.x = a.floats("x", "N H W C");
  check_positions(a, "x");
  op.kernel = a.integer("kernel", 1, kMaxInt32);
  op.stride = a.integer("stride", 1, kMaxInt32);
  op.padding = a.integer("padding", 0, op.kernel / 2);
  bind_windows(a, op.kernel, op.kernel, op.stride, op.padding);
  op.y = a.floats_out("y", "N P Q C");
  a.stored_like("x", {"y"});
  op.indices = a.tensor<int32_t>("indices", "N P Q C");
  op.N = a['N'], op.H = a['H'], op.W = a['W'], op.C = a['C'], op.P = a['P'], op.Q = a['Q'];
  a.promise("indices", {0, op.H * op.W - 1});
}

void read(Arguments &a, MaxPoolBackward &op) {
  op.dx = a.floats_out("dx", "N H W C");
  op.kernel = a.integer("kernel", 1, kMaxInt32);
  op.stride = a.integer("stride", 1, kMaxInt32);
  op.padding = a.integer("padding", 0, op.kernel / 2);
  bind_windows(a, op.kernel, op.kernel, op.stride, op.padding);
  op.dy = a.floats("dy", "N P Q C");
  a.stored_like("dy", {"dx"});
  op.indices = a.tensor<const int32_t>("indices", "N P Q C");
  op.N = a['N'], op.H = a['H'], op.W = a['W'], op.C = a['C'], op.P = a['P'], op.Q = a['Q'];
  a.check_indices("indices", op.H * op.W);
}

void read(Arguments &a, DistillationLoss &op) {
  op.student = a.tensor<const float>("student", "N K");
  op.teacher = a.optional_tensor<const float>("teacher", "N K");
  op.labels = a.tensor<const int32_t>("labels", "N");
  op.dstudent = a.optional_tensor<float>("dstudent", "N K");
  op.loss = a.tensor<float>("loss", "1");
  op.metrics = a.tensor<float>("metrics", "3");
  op.temperature = a.number("temperature", kSmallest, kLargest);
  op.alpha = a.number("alpha", 0, 1);
  op.N = a['N'], op.K = a['K'];
  a.check_indices("labels", op.K);
}

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

// The rows must outlive the kernel.
std::vector<Parameter> read(Arguments &a, AdamW &op) {
  std::vector<Parameter> parameters = read_parameters(a, true);
  op.parameters = parameters.data();
  op.count = static_cast<int64_t>(parameters.size());
  op.step = a.integer("step", 1, kMaxSeed);
  op.learning_rate = a.number<double>("learningRate", 0, DBL_MAX);
  op.beta1 = a.number<double>("beta1", 0, kBelowOne);
  op.beta2 = a.number<double>("beta2", 0, kBelowOne);
  op.eps = a.number<double>("eps", 0, DBL_MAX);
  op.weight_decay = a.number<double>("weightDecay", 0, DBL_MAX);
  return parameters;
}

std::vector<Parameter> read(Arguments &a, Sgd &op) {
  std::vector<Parameter> parameters = read_parameters(a, false);
  op.parameters = parameters.data();
  op.count = static_cast<int64_t>(parameters.size());
  op.step = a.integer("step", 1, kMaxSeed);
  op.learning_rate = a.number<double>("learningRate", 0, DBL_MAX);
  op.momentum = a.number<double>("momentum", 0, DBL_MAX);
  op.weight_decay = a.number<double>("weightDecay", 0, DBL_MAX);
  op.nesterov = a.flag("nesterov");
  return parameters;
}

uint64_t seed(Arguments &a, const char *name) { return static_cast<uint64_t>(a.integer(name, 0, kMaxSeed)); }

void read(Arguments &a, AssembleBatch &op) {
  op.images = a.tensor<const uint8_t>("images", "K H W 3");
  op.indices = a.tensor<const int32_t>("indices", "N");
  op.views = a.optional_tensor<const int32_t>("views", "N 3");
  op.y = a.floats_out("y", "N Z Z 3");
  a.numbers("mean", -kLargest, kLargest, op.mean);
  a.numbers("std", kSmallest, kLargest, op.std);
  op.N = a['N'], op.count = a['K'], op.H = a['H'], op.W = a['W'], op.Z = a['Z'];
  a.check_indices("indices", op.count);
}

void read(Arguments &a, Blend &op) {
  op.a = a.floats("a", "N H W C");
  op.b = a.floats("b", "N H W C");
  op.shares = a.tensor<const float>("shares", "N");
  op.y = a.floats_out("y", "N H W C");
  a.stored_like("a", {"b", "y"});
  op.N = a['N'], op.H = a['H'], op.W = a['W'], op.C = a['C'];
}

void read(Arguments &a, SampleViews &op) {
  op.y = a.tensor<int32_t>("y", "N 3");
  op.crop = a.integer("crop", 0, kMaxInt32);
  op.flip = a.flag("flip");
  op.seed = seed(a, "seed");
  op.epoch = seed(a, "epoch");
  op.N = a['N'];
  if (op.N > kMaxInt32) a.wrong_range("y", "at most 2147483647 rows", std::to_string(op.N));
}

void read(Arguments &a, PrepareImage &op) {
  op.image = a.tensor<const uint8_t>("image", "H W 3");
  op.y = a.floats_out("y", "1 Z Z 3");
  a.numbers("mean", -kLargest, kLargest, op.mean);
  a.numbers("std", kSmallest, kLargest, op.std);
  op.H = a['H'], op.W = a['W'], op.Z = a['Z'];
}

template <class Random>
void read_random(Arguments &a, Random &op, const char *pattern) {
  using Element = std::remove_pointer_t<decltype(op.y)>;
  op.y = a.tensor<Element>("y", pattern);
  op.seed = seed(a, "seed");
  op.stream = seed(a, "stream");
  op.size = a['M'];
}

void read(Arguments &a, RandomNormal &op) {
  read_random(a, op, "M..");
  op.mean = a.number("mean", -kLargest, kLargest);
  op.std = a.number("std", 0, kLargest);
}

void read(Arguments &a, RandomUniform &op) {
  read_random(a, op, "M..");
  op.low = a.number("low", -kLargest, kLargest);
  op.high = a.number("high", op.low, kLargest);
}

void read(Arguments &a, RandomPermutation &op) {
  read_random(a, op, "M");
  if (op.size > kMaxInt32) a.wrong_range("y", "at most 2147483647 elements", std::to_string(op.size));
  a.promise("y", {0, op.size - 1});
}

// Reads and checks the arguments and calls the op. What `read` returns, if anything, is kept until the kernel has run.
template <class Op>
void call(void (*kernel)(const Op &), Arguments &a) {
  Op op{};
  if constexpr (std::is_void_v<decltype(read(a, op))>) {
    read(a, op);
    a.finish();
    kernel(op);
  } else {
    const auto kept = read(a, op);
    a.finish();
    kernel(op);
  }
}

}  // namespace

const std::vector<OpMethod> &op_methods() {
#define DISTILL_METHOD(name, Op) {#name, [](const Ops &ops, Arguments &a) { call<Op>(ops.name, a); }},
  static const std::vector<OpMethod> methods = {DISTILL_OPS(DISTILL_METHOD)};
#undef DISTILL_METHOD
  return methods;
}

}  // namespace distill
