#include <cmath>

#include "addon/environment.h"
#include "addon/errors.h"
#include "cpu/fit_image.h"

namespace distill {

namespace {

constexpr int64_t kLongestSide = 1 << 20;

// Fits an image in a thread of Node's pool, so that the thread that asked can go on.
class Fitting : public Napi::AsyncWorker {
 public:
  Fitting(Napi::Env env, const Napi::Value &image, const NewArray &y, const FitImage &fit)
      : Napi::AsyncWorker(env, "fitImage"),
        promise_(Napi::Promise::Deferred::New(env)),
        image_(Napi::Persistent(image.As<Napi::Object>())),
        y_(Napi::Persistent(y.array.As<Napi::Object>())),
        fit_(fit) {}

  Napi::Promise promise() const { return promise_.Promise(); }

  void Execute() override { fit_image(fit_); }
  void OnOK() override { promise_.Resolve(y_.Value()); }
  void OnError(const Napi::Error &error) override { promise_.Reject(error.Value()); }

 private:
  Napi::Promise::Deferred promise_;
  Napi::ObjectReference image_, y_;  // so that neither is collected before the end
  FitImage fit_;
};

int64_t whole(const Napi::Object &sides, const char *name) {
  const Value value = take_value(sides.Get(name));
  const std::string expected =
      std::string("fitImage: ") + name + ": expected an integer from 1 to " + std::to_string(kLongestSide) + ", got ";
  if (value.kind != Value::Kind::number) throw WrongType(expected + value.describe());
  if (!(value.number >= 1 && value.number <= kLongestSide && value.number == std::floor(value.number)))
    throw WrongRange(expected + value.describe());
  return static_cast<int64_t>(value.number);
}

double extent(const Napi::Object &sides, const char *name, int64_t most) {
  const Value value = take_value(sides.Get(name));
  const std::string expected = std::string("fitImage: ") + name + ": expected a number from 1 to " + std::to_string(most) + ", got ";
  if (value.kind != Value::Kind::number) throw WrongType(expected + value.describe());
  if (!(value.number >= 1 && value.number <= static_cast<double>(most))) throw WrongRange(expected + value.describe());
  return value.number;
}

const uint8_t *bytes_of(const Napi::Value &image, int64_t size) {
  const std::string expected = "fitImage: image: expected a Uint8Array of H * W * 3 = " + std::to_string(size) + " bytes, got ";
  if (!image.IsTypedArray()) throw WrongType(expected + take_value(image).describe());
  napi_typedarray_type type;
  size_t length = 0;
  void *data = nullptr;
  if (napi_get_typedarray_info(image.Env(), image, &type, &length, &data, nullptr, nullptr) != napi_ok || type != napi_uint8_array)
    throw WrongType(expected + "another typed array");
  if (!data || static_cast<int64_t>(length) != size) throw WrongRange(expected + std::to_string(length) + " bytes");
  return static_cast<const uint8_t *>(data);
}

Napi::Value fit_image_method(const Napi::CallbackInfo &info, Environment &environment) {
  if (!info[1].IsObject()) throw WrongType("fitImage: sides: expected an object, got " + take_value(info[1]).describe());
  const auto sides = info[1].As<Napi::Object>();
  FitImage fit{};
  fit.H = whole(sides, "H"), fit.W = whole(sides, "W"), fit.side = whole(sides, "side");
  fit.height = whole(sides, "height"), fit.width = whole(sides, "width");
  fit.rows = extent(sides, "rows", fit.H + 1), fit.columns = extent(sides, "columns", fit.W + 1);
  const NewArray y = new_array("fitImage", environment, DType::u8, fit.side * fit.side * 3);
  fit.y = static_cast<uint8_t *>(y.data);
  // Last, as what was read before it may have run JavaScript.
  fit.image = bytes_of(info[0], fit.H * fit.W * 3);
  auto *fitting = new Fitting(info.Env(), info[0], y, fit);
  fitting->Queue();
  return fitting->promise();
}

}  // namespace

void add_image_methods(Napi::Object exports) { add_method<fit_image_method>(exports, "fitImage"); }

}  // namespace distill
