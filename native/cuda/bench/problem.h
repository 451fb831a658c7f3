// A case on one side, the processor or the GPU: its tensors, and the calls of ops that make its outputs and gradients.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "addon/device.h"
#include "cuda/bench/case.h"

namespace distill::bench {

struct Call {
  std::string op;
  double flops, bytes;  // that the op cannot do without
  std::function<void()> queue;
};

class Problem {
 public:
  Problem(Device &device, const Case &test);
  ~Problem();
  Problem(const Problem &) = delete;

  // Inputs as the case has them, all else zero.
  void load();
  const std::vector<Call> &calls() const { return calls_; }
  std::map<std::string, std::vector<float>> outputs();
  // Whether no call copies from the host, so that all can be part of a recording.
  bool can_be_recorded() const;

 private:
  struct Tensor {
    std::string dtype;  // f32, bf16, i32, u8
    Shape shape;
    void *memory;
    std::vector<uint8_t> initial;
    bool is_output;
  };

  const Tensor &at(const std::string &name) const { return tensors_.at(name); }
  int64_t extent(const std::string &name, size_t axis) const { return at(name).shape[axis]; }
  int64_t size(const std::string &name) const { return product(at(name).shape); }
  bool has(const std::string &name) const { return tensors_.count(name) > 0; }
  template <class T>
  T *data(const std::string &name) const {
    return has(name) ? static_cast<T *>(at(name).memory) : nullptr;
  }
  float *f32(const std::string &name) const { return data<float>(name); }
  FloatsOut floats(const std::string &name) const;
  int64_t whole(const std::string &option) const;

  void add(const std::string &name, const std::string &dtype, const Shape &shape, const std::vector<float> &values, bool is_output);
  void add_output(const std::string &name, const std::string &like, const Shape &shape, bool is_output = true);
  void add_output_gradient(const std::string &y);
  std::string dtype_of(const std::string &name, const std::string &otherwise) const;

  template <class Op>
  void call(const std::string &name, void (*op)(const Op &), const Op &arguments, double flops,
            std::initializer_list<const char *> touched);

  void linear();
  void mlp();
  void elementwise();
  void conv2d();
  void conv2d_norm();
  void batch_norm();
  void layer_norm();
  void attention();
  void tokens();
  void pool();
  void distillation_loss();
  void optimizer();
  void images();
  void views();

  Device &device_;
  const Case &test_;
  std::map<std::string, Tensor> tensors_;
  std::vector<Call> calls_;
};

}  // namespace distill::bench
