// The one list of ops. A backend (cpu, cuda) is a table with one function per line of DISTILL_OPS. The addon unwraps and checks the
// arguments of each op, so a kernel may trust every pointer, size and range stated here.
//
// Letters: N batch, C channels in, O channels out, H W image, P Q output image, R S kernel height and width, T tokens, D width,
// A heads, E width of one head, K classes, M rows, I inputs of a row. Images are channels-last: x [N,H,W,C]. Weights have timm's
// shapes: linear [O,I], conv2d [O,C,R,S]. Every tensor is contiguous. A pointer marked "or null" may be left out. Ops with a field `hwnc`
// also take images [H,W,N,C], for every N in the shapes of an image below: there the pixels of a batch are the rows of a matrix that tiles
// read in place (cpu/conv2d.amx.cpp). Only the CPU has them.
//
// Activations are Floats, in fp32 or bf16, each tensor independently unless a comment says otherwise. Weights, statistics, logits and the
// optimizer's state are fp32, and so is all arithmetic. A product whose activation x (or its gradient dx) is stored in bf16 also rounds
// its other factor to bf16, as bf16 instructions require, and sums in fp32.
//
// Windows that slide over an image begin at (p * stride - top, q * stride - left); what they cover outside the image is zero.
//
// Gradients (names that begin with d) overwrite their destination; the caller accumulates them (op add).
// An output shares memory with none of the op's other tensors unless a comment allows it.
// No result depends on the number of threads, because reductions are split by shape.
#pragma once

#include <cstdint>

#include "floats.h"

namespace distill {

// What a fused op applies last, elementwise; NaN stays NaN. torch.nn.functional.relu, relu6. The gradient passes where 0 < y, and for relu6
// where 0 < y < 6.
enum class Activation { none, relu, relu6 };

// y [M,O] = residual + gelu?(x [M,I] weight^T [O,I] + bias [O])
struct LinearForward {
  Floats x;
  const float *weight;
  const float *bias;  // or null
  Floats residual;    // stored like y, or null; may be y itself
  FloatsOut y;
  FloatsOut gelu_grad;  // [M,O] stored like y, or null: derivative of gelu at the pre-activation, kept for the backward pass
  int64_t M, I, O;
  bool gelu;
};
// dx [M,I] = dy [M,O] weight [O,I] * gelu_grad
struct LinearBackwardInput {
  Floats dy;
  const float *weight;
  Floats gelu_grad;  // [M,I] stored like dx, or null: kept by the forward pass of the layer whose GELU produced x
  FloatsOut dx;
  int64_t M, I, O;
};
// dweight [O,I] = dy^T x, dbias [O] = column sums of dy
struct LinearBackwardWeight {
  Floats x, dy;
  float *dweight;
  float *dbias;  // or null
  int64_t M, I, O;
};

// y = residual + second(gelu(first(x))): first.gelu, and second.x is first.y. One op, so that a backend may keep some rows between its
// layers in a cache.
struct MlpForward {
  LinearForward first, second;
};
// Of both layers: first.dy is second.dx, which second.gelu_grad multiplies.
struct MlpBackwardInput {
  LinearBackwardInput second, first;
};

// Exact GELU: x Phi(x), with Phi computed by erf. torch.nn.GELU(approximate='none')
struct GeluForward {
  Floats x;
  FloatsOut y;  // stored like x
  int64_t size;
};
struct GeluBackward {
  Floats x, dy;
  FloatsOut dx;  // all stored alike
  int64_t size;
};

// y = a + b, elementwise, all stored alike; y may be a or b
struct Add {
  Floats a, b;
  FloatsOut y;
  int64_t size;
};

// y = a * b, elementwise
struct Multiply {
  const float *a, *b;
  float *y;
  int64_t size;
};

// y = x * (factor * by), elementwise. The backward pass is the same op on dy.
struct Scale {
  const float *x;
  const float *by;  // [1], or null for 1
  float *y;
  int64_t size;
  float factor;
};

// y [M,K] = x [M,K] * factors [M], each row by its own. x * factors.unsqueeze(-1)
struct ScaleRowsForward {
  const float *x, *factors;
  float *y;
  int64_t M, K;
};
// dx = dy * factors, dfactors = sum of dy * x over each row, in double precision
struct ScaleRowsBackward {
  const float *x, *factors, *dy;
  float *dx, *dfactors;
  int64_t M, K;
};

// y = max(x, 0), elementwise; NaN stays NaN. torch.nn.functional.relu
struct ReluForward {
  Floats x;
  FloatsOut y;  // stored like x
  int64_t size;
};
// dx = dy, but 0 where y <= 0
struct ReluBackward {
  Floats y, dy;
  FloatsOut dx;  // all stored alike
  int64_t size;
};

// y [1] = mean of all elements, summed in double precision
struct MeanForward {
  Floats x;
  float *y;
  int64_t size;
};
// dx = dy / size
struct MeanBackward {
  const float *dy;  // [1]
  FloatsOut dx;
  int64_t size;
};

// y [1] = mean of (x - target)^2 over all elements, summed in double precision; without a target, of x^2. torch.nn.functional.mse_loss
struct MeanSquareForward {
  Floats x;
  Floats target;  // or null
  float *y;
  int64_t size;
};
// dx = dy * 2 / size * (x - target)
struct MeanSquareBackward {
  Floats x;
  Floats target;    // or null
  const float *dy;  // [1]
  FloatsOut dx;     // stored like x
  int64_t size;
};

// y [M] = sum of each row of x [M,K], in double precision
struct SumRowsForward {
  const float *x;
  float *y;
  int64_t M, K;
};
// dx [M,K] = dy [M]
struct SumRowsBackward {
  const float *dy;
  float *dx;
  int64_t M, K;
};

// y [M] = log sum_k exp(x [M,K]), with each row's maximum subtracted first; NaN where a row has NaN or an infinite
// maximum. torch.logsumexp
struct LogSumExpForward {
  const float *x;
  float *y;
  int64_t M, K;
};
// dx [M,K] = softmax(x) * dy [M]. The softmax is computed from x, not from y, which in fp32 has too few digits at logits of 1e5.
struct LogSumExpBackward {
  const float *x, *dy;
  float *dx;
  int64_t M, K;
};

// y [N,K] = 1 at the label of each row, else 0
struct OneHot {
  const int32_t *labels;  // [N], 0 <= label < K
  float *y;
  int64_t N, K;
};

// y [M] = column of the largest value of each row x [M,K], the first among equals; NaN is never the largest. torch.argmax
struct Argmax {
  const float *x;
  int32_t *y;
  int64_t M, K;
};

// y [N,G] = q / max(|q|, 1e-12), where q [N,G] = sum_c x [N,G,C]^2 and |q| is the Euclidean norm of each image's row. Sums are in double
// precision. torch.nn.functional.normalize(x.square().sum(-1))
struct EnergyMapForward {
  Floats x;
  float *y;
  float *norm;  // [N], |q|
  int64_t N, G, C;
};
// dq = (dy - y (y . dy)) / |q|, but dy / 1e-12 where |q| is less; dx = 2 x dq
struct EnergyMapBackward {
  Floats x;
  const float *y, *norm, *dy;
  FloatsOut dx;  // stored like x
  int64_t N, G, C;
};

// y [N,P,Q,O]: cross-correlation of x [N,H,W,C] with weight [O,C,R,S]; 0 <= top < R, 0 <= left < S, and each window covers some of the
// image. torch.nn.functional.conv2d
struct Conv2dForward {
  Floats x;
  const float *weight;
  const float *bias;  // [O] or null
  FloatsOut y;        // stored like x
  int64_t N, H, W, C, O, R, S, P, Q, stride, top, left;
  bool hwnc;
};
struct Conv2dBackwardInput {
  Floats dy;
  const float *weight;
  FloatsOut dx;  // stored like dy
  int64_t N, H, W, C, O, R, S, P, Q, stride, top, left;
  bool hwnc;
};
struct Conv2dBackwardWeight {
  Floats x, dy;  // stored alike
  float *dweight;
  float *dbias;  // [O] or null
  int64_t N, H, W, C, O, R, S, P, Q, stride, top, left;
  bool hwnc;
};

// y [N,P,Q,C]: each channel of x [N,H,W,C] correlated with its own weight [C,1,R,S], plus bias; padding as above.
// torch.nn.functional.conv2d(groups=C). The weight is a factor of products.
struct DepthwiseConv2dForward {
  Floats x;
  const float *weight;
  const float *bias;  // [C] or null
  FloatsOut y;        // stored like x
  int64_t N, H, W, C, R, S, P, Q, stride, top, left;
  bool hwnc;
};
struct DepthwiseConv2dBackwardInput {
  Floats dy;
  const float *weight;
  FloatsOut dx;  // stored like dy
  int64_t N, H, W, C, R, S, P, Q, stride, top, left;
  bool hwnc;
};
struct DepthwiseConv2dBackwardWeight {
  Floats x, dy;  // stored alike
  float *dweight;
  float *dbias;  // [C] or null
  int64_t N, H, W, C, R, S, P, Q, stride, top, left;
  bool hwnc;
};

// Over M = N*H*W rows of C channels: y = activation((x - mean) * rstd * weight + bias + residual). torch.nn.BatchNorm2d: the batch is
// normalised with the biased variance, while running_var follows the unbiased one: running = (1 - momentum) running + momentum new.
struct BatchNormForwardTrain {
  Floats x;
  Floats residual;  // [M,C] or null
  FloatsOut y;      // x, residual and y are stored alike
  const float *weight, *bias;
  float *running_mean, *running_var;
  float *mean, *rstd;  // [C] of this batch, kept for the backward pass
  int64_t M, C;
  float momentum, eps;
  Activation activation;
};
struct BatchNormForwardEval {
  Floats x;
  Floats residual;  // [M,C] or null
  FloatsOut y;      // x, residual and y are stored alike
  const float *weight, *bias, *running_mean, *running_var;
  int64_t M, C;
  float eps;
  Activation activation;
};
// A convolution followed by a batch norm with running averages. norm.x and norm.y are conv.y.
struct Conv2dNormForward {
  Conv2dForward conv;
  BatchNormForwardEval norm;
};
struct DepthwiseConv2dNormForward {
  DepthwiseConv2dForward conv;
  BatchNormForwardEval norm;
};
// Backward of the training pass. dy counts only where the activation passes it; this masked dy is also dresidual.
struct BatchNormBackward {
  Floats x, dy;
  Floats y;             // [M,C], required with an activation, otherwise it may be null
  FloatsOut dx;         // x, dy, y, dx and dresidual are stored alike
  FloatsOut dresidual;  // [M,C] or null
  const float *weight, *mean, *rstd;
  float *dweight, *dbias;
  int64_t M, C;
  Activation activation;
};

// Over rows of x [M,D]: y = (x - mean) * rstd * weight + bias, biased variance
struct LayerNormForward {
  Floats x;
  const float *weight, *bias;
  FloatsOut y;
  float *mean, *rstd;  // [M], kept for the backward pass
  int64_t M, D;
  float eps;
};
struct LayerNormBackward {
  Floats x, dy;
  const float *weight, *mean, *rstd;
  FloatsOut dx;  // stored like x
  float *dweight, *dbias;
  int64_t M, D;
};

// Per image and head: y = softmax(q k^T / sqrt(E)) v, for the queries of the first Q of the T tokens. qkv [N,T,3,A,E], y [N,Q,A,E]
struct AttentionForward {
  Floats qkv;
  FloatsOut y;       // stored like qkv
  float *logsumexp;  // [N,A,Q] of the scaled scores, kept for the backward pass
  int64_t N, T, Q, A, E;
};
struct AttentionBackward {
  Floats qkv, y, dy;
  const float *logsumexp;
  FloatsOut dqkv;  // stored like qkv, as are y and dy; zero for queries Q and beyond
  int64_t N, T, Q, A, E;
};

// y [N,T,D] = concat(class_token [D], patches [N,T-1,D]) + position [T,D]
struct EmbedTokensForward {
  Floats patches;
  const float *class_token, *position;
  float *y;
  int64_t N, T, D;
};
struct EmbedTokensBackward {
  const float *dy;
  FloatsOut dpatches;
  float *dclass_token, *dposition;
  int64_t N, T, D;
};

// y [N,D] = x [N,T,D] at token `index`; backward writes zeros elsewhere
struct SelectTokenForward {
  Floats x;
  FloatsOut y;  // stored like x
  int64_t N, T, D, index;
};
struct SelectTokenBackward {
  Floats dy;
  FloatsOut dx;  // stored like dy
  int64_t N, T, D, index;
};

// y [N,L,D] = x [N,T,D] at tokens begin ... begin + L - 1; backward writes zeros elsewhere
struct SliceTokensForward {
  Floats x;
  FloatsOut y;  // stored like x
  int64_t N, T, D, L, begin;
};
struct SliceTokensBackward {
  Floats dy;
  FloatsOut dx;  // stored like dy
  int64_t N, T, D, L, begin;
};

// y [N,C] = mean of x [N,H,W,C] over H and W
struct AveragePoolForward {
  Floats x;
  FloatsOut y;  // stored like x
  int64_t N, H, W, C;
  bool hwnc;
};
struct AveragePoolBackward {
  Floats dy;
  FloatsOut dx;  // stored like dy
  int64_t N, H, W, C;
  bool hwnc;
};

// y [N,S,S,C] from x [N,H,W,C], each axis independently. Where S is at most the extent: means over adaptive windows,
// torch.nn.functional.adaptive_avg_pool2d. Where S is larger: linear interpolation, torch.nn.functional.interpolate(mode='bilinear',
// align_corners=False).
struct ResizeGridForward {
  Floats x;
  FloatsOut y;  // stored like x
  int64_t N, H, W, C, S;
};
struct ResizeGridBackward {
  Floats dy;
  FloatsOut dx;  // stored like dy
  int64_t N, H, W, C, S;
};

// Square window, padded with -infinity. torch.nn.MaxPool2d; of equal values, the first in row-major order wins
struct MaxPoolForward {
  Floats x;
  FloatsOut y;       // stored like x
  int32_t *indices;  // [N,P,Q,C] row-major position h*W + w of the winner
  int64_t N, H, W, C, P, Q, kernel, stride, padding;
  bool hwnc;
};
struct MaxPoolBackward {
  Floats dy;
  const int32_t *indices;
  FloatsOut dx;  // stored like dy
  int64_t N, H, W, C, P, Q, kernel, stride, padding;
  bool hwnc;
};

// y [P,N,C] = x [N,P,C]: images [N,H,W,C] to and from [H,W,N,C]. The backward pass is the same op on dy. numpy.swapaxes(x, 0, 1)
struct SwapAxes {
  Floats x;
  FloatsOut y;  // stored like x
  int64_t N, P, C;
};

// loss = alpha T^2 KL(softmax(teacher/T) || softmax(student/T)) + (1 - alpha) CE(student, label), means over the batch (Hinton et al.
// 2015). Without a teacher: loss = CE. Safe for temperatures down to 0.05 and logits up to 1e4 in size.
struct DistillationLoss {
  const float *student;   // [N,K] logits
  const float *teacher;   // [N,K] logits or null
  const int32_t *labels;  // [N], 0 <= label < K
  const float *weights;   // [N], factor of each row's CE, or null: 1. A row of weight 0 has no label that counts
  float *dstudent;        // [N,K] gradient of loss or null
  float *loss;            // [1]
  float *metrics;         // [3]: CE, T^2 KL (0 without a teacher), number of rows of weight > 0 whose first largest logit is the label
  int64_t N, K;
  float temperature, alpha;
};

struct Parameter {
  float *value;
  const float *gradient;
  float *first, *second;  // moments (AdamW); momentum buffer and null (SGD)
  int64_t size;
  bool decay;  // whether weight decay applies to it
};
// Decoupled weight decay (Loshchilov & Hutter 2019), torch.optim.AdamW. step counts from 1.
struct AdamW {
  const Parameter *parameters;
  int64_t count, step;
  double learning_rate, beta1, beta2, eps, weight_decay;
};
// torch.optim.SGD: decay is added to the gradient; first = momentum * first + gradient, but first = gradient on step 1. step counts from 1.
struct Sgd {
  const Parameter *parameters;
  int64_t count, step;
  double learning_rate, momentum, weight_decay;
  bool nesterov;
};
// For each parameter: value = keep * value + share * gradient. Sums of gradients (keep 1), and averages of weights over steps (keep is the
// decay, share the rest), as timm.utils.ModelEmaV2.
struct Accumulate {
  const Parameter *parameters;  // without moments
  int64_t count;
  float keep, share;
};
// norm = the L2 norm of all values together, summed in double precision; each value is multiplied by most / (norm + 1e-6) where that is
// below 1. torch.nn.utils.clip_grad_norm_
struct ClipNorm {
  const Parameter *parameters;  // values alone
  int64_t count;
  float *norm;  // [1], before clipping
  double most;
};

// y [N,Z,Z,3] from images [count,H,W,3]: for sample indices[n], the crop at (top, left) of the image with zeros beyond its border
// (zeros before normalisation), flipped horizontally or not, with zeros in an erased rectangle, bilinear resize to Z (half-pixel centres;
// antialiased when shrinking, as torch.nn.functional.interpolate(align_corners=False, antialias=True)), value / 255, then (value - mean) /
// std
struct AssembleBatch {
  const uint8_t *images;
  const int32_t *indices;  // [N], 0 <= index < count
  const int32_t *views;    // [N,3] as sample_views makes them, or null: as stored
  const int32_t *sizes;    // [N,2], height 1 ... H and width 1 ... W of each crop, what lies beyond is taken as the nearest; null: H and W
  const int32_t *erased;   // [N,4], top, left, height and width of a rectangle in the flipped crop, which may lie beyond it; null: none
  FloatsOut y;
  int64_t N, count, H, W, Z;
  float mean[3], std[3];
};
// y = shares[n] a + (1 - shares[n]) b within a rectangle of each image n, and a around it; all stored alike. torch.lerp(b, a, shares)
struct Blend {
  Floats a, b;
  const float *shares;   // [N]
  const int32_t *boxes;  // [N,4], top, left, height and width of the rectangle, which may lie beyond the image; null: the whole image
  FloatsOut y;
  int64_t N, H, W, C;
};
// y [N,3], a random view of each of the samples 0 ... N-1 in an epoch: top and left of the crop in the unpadded image, -crop ... crop each,
// and whether it is flipped (probability 1/2), 0 or 1. A view depends on (seed, epoch, sample) alone.
struct SampleViews {
  int32_t *y;
  int64_t N, crop;
  bool flip;
  uint64_t seed, epoch;
};

// Counter-based random numbers (Philox 4x32-10, Salmon et al. 2011), keyed by (seed, stream) and counted by position: the same bits on
// every backend, ISA and thread count.
struct RandomNormal {
  float *y;
  int64_t size;
  uint64_t seed, stream;
  float mean, std;
};
// In [low, high), or low if both are equal
struct RandomUniform {
  float *y;
  int64_t size;
  uint64_t seed, stream;
  float low, high;
};
// The numbers 0 ... size - 1
struct RandomPermutation {
  int32_t *y;
  int64_t size;
  uint64_t seed, stream;
};

// clang-format off
#define DISTILL_OPS(OP)                                               \
  OP(linear_forward, LinearForward)                                   \
  OP(linear_backward_input, LinearBackwardInput)                      \
  OP(linear_backward_weight, LinearBackwardWeight)                    \
  OP(mlp_forward, MlpForward)                                         \
  OP(mlp_backward_input, MlpBackwardInput)                            \
  OP(gelu_forward, GeluForward)                                       \
  OP(gelu_backward, GeluBackward)                                     \
  OP(add, Add)                                                        \
  OP(multiply, Multiply)                                              \
  OP(scale, Scale)                                                    \
  OP(scale_rows_forward, ScaleRowsForward)                            \
  OP(scale_rows_backward, ScaleRowsBackward)                          \
  OP(relu_forward, ReluForward)                                       \
  OP(relu_backward, ReluBackward)                                     \
  OP(mean_forward, MeanForward)                                       \
  OP(mean_backward, MeanBackward)                                     \
  OP(mean_square_forward, MeanSquareForward)                          \
  OP(mean_square_backward, MeanSquareBackward)                        \
  OP(sum_rows_forward, SumRowsForward)                                \
  OP(sum_rows_backward, SumRowsBackward)                              \
  OP(log_sum_exp_forward, LogSumExpForward)                           \
  OP(log_sum_exp_backward, LogSumExpBackward)                         \
  OP(one_hot, OneHot)                                                 \
  OP(argmax, Argmax)                                                  \
  OP(energy_map_forward, EnergyMapForward)                            \
  OP(energy_map_backward, EnergyMapBackward)                          \
  OP(conv2d_forward, Conv2dForward)                                   \
  OP(conv2d_backward_input, Conv2dBackwardInput)                      \
  OP(conv2d_backward_weight, Conv2dBackwardWeight)                    \
  OP(depthwise_conv2d_forward, DepthwiseConv2dForward)                \
  OP(depthwise_conv2d_backward_input, DepthwiseConv2dBackwardInput)   \
  OP(depthwise_conv2d_backward_weight, DepthwiseConv2dBackwardWeight) \
  OP(batch_norm_forward_train, BatchNormForwardTrain)                 \
  OP(batch_norm_forward_eval, BatchNormForwardEval)                   \
  OP(conv2d_norm_forward, Conv2dNormForward)                          \
  OP(depthwise_conv2d_norm_forward, DepthwiseConv2dNormForward)       \
  OP(batch_norm_backward, BatchNormBackward)                          \
  OP(layer_norm_forward, LayerNormForward)                            \
  OP(layer_norm_backward, LayerNormBackward)                          \
  OP(attention_forward, AttentionForward)                             \
  OP(attention_backward, AttentionBackward)                           \
  OP(embed_tokens_forward, EmbedTokensForward)                        \
  OP(embed_tokens_backward, EmbedTokensBackward)                      \
  OP(select_token_forward, SelectTokenForward)                        \
  OP(select_token_backward, SelectTokenBackward)                      \
  OP(slice_tokens_forward, SliceTokensForward)                        \
  OP(slice_tokens_backward, SliceTokensBackward)                      \
  OP(average_pool_forward, AveragePoolForward)                        \
  OP(average_pool_backward, AveragePoolBackward)                      \
  OP(resize_grid_forward, ResizeGridForward)                          \
  OP(resize_grid_backward, ResizeGridBackward)                        \
  OP(max_pool_forward, MaxPoolForward)                                \
  OP(max_pool_backward, MaxPoolBackward)                              \
  OP(swap_axes, SwapAxes)                                             \
  OP(distillation_loss, DistillationLoss)                             \
  OP(adamw, AdamW)                                                    \
  OP(sgd, Sgd)                                                        \
  OP(accumulate, Accumulate)                                          \
  OP(clip_norm, ClipNorm)                                             \
  OP(assemble_batch, AssembleBatch)                                   \
  OP(blend, Blend)                                                    \
  OP(sample_views, SampleViews)                                       \
  OP(random_normal, RandomNormal)                                     \
  OP(random_uniform, RandomUniform)                                   \
  OP(random_permutation, RandomPermutation)
// clang-format on

struct Ops {
#define DISTILL_OP_MEMBER(name, Arguments) void (*name)(const Arguments &);
  DISTILL_OPS(DISTILL_OP_MEMBER)
#undef DISTILL_OP_MEMBER
};

}  // namespace distill
