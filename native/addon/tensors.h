// Tensors by handle. A handle is a number that is never reused, so the use of a released one is always detected.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "addon/storage.h"

namespace distill {

enum class DType { f32, i32, u8, bf16 };

const char *dtype_name(DType dtype);
int64_t dtype_bytes(DType dtype);

constexpr int64_t kMaxRank = 6;

// The smallest and the largest element.
struct Range {
  int64_t low, high;
};

struct Tensor {
  DType dtype;
  std::vector<int64_t> shape;
  int64_t size;  // number of elements
  StoragePool::Block block;
  // For i32, otherwise null: the range of the content, if it is known without reading the device. Views share it.
  std::shared_ptr<std::optional<Range>> range;

  int64_t bytes() const { return size * dtype_bytes(dtype); }
  template <class T>
  T *data() const {
    return reinterpret_cast<T *>(block.get());
  }
  std::string describe() const;  // "f32 [16,4,3,3]"
};

Range range_of(const int32_t *values, int64_t size);

std::string describe_shape(std::span<const int64_t> shape);

class TensorTable {
 public:
  int64_t add(DType dtype, std::vector<int64_t> shape, int64_t size);
  int64_t add_view(const Tensor &tensor, std::vector<int64_t> shape);
  // Null if the handle was never issued or has been released.
  const Tensor *find(int64_t handle) const;
  void release(int64_t handle) { tensors_.erase(handle); }

  // All handles below it have been issued.
  int64_t next_handle() const { return next_; }
  StoragePool &pool() { return pool_; }
  Device &device() const { return pool_.device(); }

 private:
  StoragePool pool_{cpu_device()};
  std::unordered_map<int64_t, Tensor> tensors_;
  int64_t next_ = 1;
};

}  // namespace distill
