#include "testing/driver/values.h"

#include <cmath>
#include <cstring>
#include <sstream>

#include "floats.h"

namespace distill::driver {

namespace {

// FNV-1a of the name, finalizer of MurmurHash3.
std::vector<uint32_t> hashes(const std::string &name, int64_t size) {
  uint32_t seed = 0x811c9dc5;
  for (const char byte : name) seed = (seed ^ static_cast<uint8_t>(byte)) * 0x01000193;
  std::vector<uint32_t> found(static_cast<size_t>(size));
  for (uint32_t i = 0; i < found.size(); i++) {
    uint32_t x = i * 0x9e3779b9 + seed;
    x = (x ^ x >> 16) * 0x85ebca6b;
    x = (x ^ x >> 13) * 0xc2b2ae35;
    found[i] = x ^ x >> 16;
  }
  return found;
}

}  // namespace

int64_t product(const Shape &shape) {
  int64_t size = 1;
  for (const int64_t extent : shape) size *= extent;
  return size;
}

Shape shape_of(const std::string &text) {
  Shape shape;
  std::istringstream extents(text);
  for (std::string extent; std::getline(extents, extent, ',');) shape.push_back(std::stoll(extent));
  return shape;
}

std::vector<float> numbers(const std::string &name, int64_t size, double scale, double offset, uint32_t below) {
  std::vector<float> values;
  values.reserve(static_cast<size_t>(size));
  for (const uint32_t hash : hashes(name, size))
    values.push_back(static_cast<float>(offset + scale * (below ? hash % below : 2 * ((hash >> 8) * 0x1p-24) - 1)));
  return values;
}

int64_t bytes_of(const std::string &dtype) { return dtype == "u8" ? 1 : dtype == "bf16" ? 2 : 4; }

std::vector<uint8_t> stored_as(const std::string &dtype, const std::vector<float> &values) {
  std::vector<uint8_t> stored(values.size() * static_cast<size_t>(bytes_of(dtype)));
  for (size_t i = 0; i < values.size(); i++) {
    if (dtype == "f32") std::memcpy(&stored[4 * i], &values[i], 4);
    if (dtype == "bf16") std::memcpy(&stored[2 * i], &(const bf16 &)to_bf16(values[i]), 2);
    if (dtype == "u8") stored[i] = static_cast<uint8_t>(values[i]);
    const auto whole = static_cast<int32_t>(dtype == "i32" ? values[i] : 0);
    if (dtype == "i32") std::memcpy(&stored[4 * i], &whole, 4);
  }
  return stored;
}

std::vector<float> loaded_from(const std::string &dtype, const std::vector<uint8_t> &bytes, int64_t size) {
  const Floats floats{bytes.data(), dtype == "bf16" ? Storage::bf16 : Storage::f32};
  const auto *whole = reinterpret_cast<const int32_t *>(bytes.data());
  std::vector<float> values;
  for (int64_t i = 0; i < size; i++) values.push_back(dtype == "i32" ? static_cast<float>(whole[i]) : floats[i]);
  return values;
}

double relative_error(const std::vector<float> &actual, const std::vector<float> &expected, size_t count) {
  double difference = 0, norm = 0;
  for (size_t i = 0; i < count; i++) {
    difference += (double{actual[i]} - expected[i]) * (double{actual[i]} - expected[i]);
    norm += double{expected[i]} * expected[i];
  }
  return std::sqrt(norm > 0 ? difference / norm : difference);
}

}  // namespace distill::driver
