#include <map>
#include <memory>

#include "addon/device.h"
#include "cuda/opening.h"

namespace distill {

namespace {

class CudaPendingRead : public PendingRead {
 public:
  CudaPendingRead(const CudaLibrary &library, CudaRead *read) : library_(library), read_(read) {}
  // The next call reports a failure here, as in `free`.
  ~CudaPendingRead() override {
    if (read_) library_.finish_read(read_, nullptr);
  }
  void take(void *to) override {
    library_.finish_read(std::exchange(read_, nullptr), to);
    check(library_);
  }

 private:
  const CudaLibrary &library_;
  CudaRead *read_;
};

class CudaGraph : public Recording {
 public:
  CudaGraph(const CudaLibrary &library, CudaRecording *recording) : library_(library), recording_(recording) {}
  ~CudaGraph() override { library_.forget(recording_); }
  void replay() override {
    library_.replay(recording_);
    check(library_);
  }

 private:
  const CudaLibrary &library_;
  CudaRecording *recording_;
};

class CudaDevice : public Device {
 public:
  CudaDevice(const CudaLibrary &library, int gpu) : library_(library), memory_bytes_(describe_gpu(library, gpu).memory_bytes) {
    library_.open(gpu);
    check();
  }

  const char *name() const override { return "cuda"; }
  const Ops &ops() const override { return *library_.ops; }
  void check() override { distill::check(library_); }

  void *allocate(int64_t bytes) override { return checked(library_.allocate(bytes)); }
  // The next call reports a failure here: callers that free memory do not expect one.
  void free(void *memory, int64_t) override { library_.free(memory); }
  void when_full(void (*relieve)(void *owner), void *owner) override { library_.when_full(relieve, owner); }
  int64_t memory_bytes() const override { return memory_bytes_; }

  void write(void *to, const void *from, int64_t bytes) override {
    library_.write(to, from, bytes);
    check();
  }
  void read(void *to, const void *from, int64_t bytes) override {
    library_.read(to, from, bytes);
    check();
  }
  std::unique_ptr<PendingRead> read_later(const void *from, int64_t bytes) override {
    return std::make_unique<CudaPendingRead>(library_, checked(library_.read_later(from, bytes)));
  }
  void copy(void *to, const void *from, int64_t bytes) override {
    library_.copy(to, from, bytes);
    check();
  }
  void fill(void *to, uint32_t pattern, int64_t bytes) override {
    library_.fill(to, pattern, bytes);
    check();
  }

  bool can_record() const override { return true; }
  void begin_recording() override {
    library_.begin_recording();
    check();
  }
  std::unique_ptr<Recording> end_recording() override { return std::make_unique<CudaGraph>(library_, checked(library_.end_recording())); }

 private:
  template <class Result>
  Result checked(Result result) {
    check();
    return result;
  }

  const CudaLibrary &library_;
  int64_t memory_bytes_;
};

}  // namespace

Device &cuda_device(const std::string &path, int gpu) {
  static std::map<std::pair<std::string, int>, std::unique_ptr<CudaDevice>> devices;
  std::unique_ptr<CudaDevice> &device = devices[{path, gpu}];
  if (device) return *device;
  const CudaLibrary &library = cuda_library(path);
  if (gpu >= count_gpus(library)) throw CudaUnavailable("there is no GPU " + std::to_string(gpu));
  expect_usable(describe_gpu(library, gpu));
  device = std::make_unique<CudaDevice>(library, gpu);
  return *device;
}

}  // namespace distill
