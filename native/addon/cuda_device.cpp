#include <map>
#include <memory>

#include "addon/device.h"
#include "cpu/memory.h"
#include "cuda/library.h"

#if defined(_WIN32)
#include <windows.h>
#else
#include <dlfcn.h>
#endif

namespace distill {

namespace {

// The oldest GPU that the library holds code for.
constexpr int kOldestMajor = 7, kOldestMinor = 5;

#if defined(_WIN32)
void *open_file(const std::string &path) { return reinterpret_cast<void *>(LoadLibraryA(path.c_str())); }
void *find_symbol(void *file, const char *name) { return reinterpret_cast<void *>(GetProcAddress(static_cast<HMODULE>(file), name)); }
std::string why_not_opened() { return "error " + std::to_string(GetLastError()); }
#else
void *open_file(const std::string &path) { return dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL); }
void *find_symbol(void *file, const char *name) { return dlsym(file, name); }
std::string why_not_opened() { return dlerror(); }
#endif

// Opened once and never closed: the CUDA runtime in it has threads of its own.
const CudaLibrary &opened(const std::string &path) {
  static std::map<std::string, const CudaLibrary *> libraries;
  if (const auto found = libraries.find(path); found != libraries.end()) return *found->second;
  void *file = open_file(path);
  if (!file) throw CudaUnavailable("the CUDA library cannot be opened: " + why_not_opened());
  const auto get = reinterpret_cast<decltype(&distill_cuda_library)>(find_symbol(file, "distill_cuda_library"));
  const CudaLibrary *library = get ? get() : nullptr;
  if (!library || library->version != kCudaLibraryVersion)
    throw CudaUnavailable("the CUDA library " + path + " is not of this version of the program");
  return *libraries.emplace(path, library).first->second;
}

void check(const CudaLibrary &library) {
  const CudaFailure failure = library.take_failure();
  switch (failure.kind) {
    case CudaFailure::none:
      return;
    case CudaFailure::out_of_memory:
      throw OutOfMemory(failure.asked);
    case CudaFailure::unavailable:
      throw CudaUnavailable(failure.message);
    case CudaFailure::error:
      throw CudaError(failure.message);
  }
}

class CudaDevice : public Device {
 public:
  CudaDevice(const CudaLibrary &library, int gpu) : library_(library) {
    library_.open(gpu);
    check();
    memory_bytes_ = library_.describe(gpu).memory_bytes;
    check();
  }

  const char *name() const override { return "cuda"; }
  const Ops &ops() const override { return *library_.ops; }
  void check() override { distill::check(library_); }

  void *allocate(int64_t bytes) override {
    void *memory = library_.allocate(bytes);
    check();
    return memory;
  }
  // A failure here is told at the next call: nobody who gives memory back expects one.
  void free(void *memory, int64_t) override { library_.free(memory); }
  int64_t memory_bytes() const override { return memory_bytes_; }

  void write(void *to, const void *from, int64_t bytes) override {
    library_.write(to, from, bytes);
    check();
  }
  void read(void *to, const void *from, int64_t bytes) override {
    library_.read(to, from, bytes);
    check();
  }
  void copy(void *to, const void *from, int64_t bytes) override {
    library_.copy(to, from, bytes);
    check();
  }
  void fill(void *to, uint32_t pattern, int64_t bytes) override {
    library_.fill(to, pattern, bytes);
    check();
  }

 private:
  const CudaLibrary &library_;
  int64_t memory_bytes_ = 0;
};

}  // namespace

CudaInventory cuda_inventory(const std::string &path) {
  const CudaLibrary &library = opened(path);
  CudaInventory inventory{library.driver_version(), library.runtime_version(), {}};
  const int count = library.device_count();
  check(library);
  for (int i = 0; i < count; i++) {
    const CudaDeviceDescription d = library.describe(i);
    check(library);
    inventory.gpus.push_back({d.name, d.memory_bytes, d.free_bytes, d.capability_major, d.capability_minor});
  }
  return inventory;
}

Device &cuda_device(const std::string &path, int gpu) {
  static std::map<std::pair<std::string, int>, std::unique_ptr<CudaDevice>> devices;
  std::unique_ptr<CudaDevice> &device = devices[{path, gpu}];
  if (device) return *device;
  const CudaInventory inventory = cuda_inventory(path);
  if (gpu >= static_cast<int>(inventory.gpus.size()))
    throw CudaUnavailable(inventory.gpus.empty() ? "there is no NVIDIA GPU in this machine" : "there is no GPU " + std::to_string(gpu));
  const CudaGpu &found = inventory.gpus[static_cast<size_t>(gpu)];
  if (std::pair(found.capability_major, found.capability_minor) < std::pair(kOldestMajor, kOldestMinor))
    throw CudaUnavailable(found.name + " has compute capability " + std::to_string(found.capability_major) + "." +
                          std::to_string(found.capability_minor) + "; 7.5 or newer is needed");
  device = std::make_unique<CudaDevice>(opened(path), gpu);
  return *device;
}

}  // namespace distill
