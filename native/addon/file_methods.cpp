#include <cerrno>
#include <system_error>

#include "addon/environment.h"
#include "addon/errors.h"
#include "addon/table.h"

#ifndef _WIN32
#include <sys/file.h>
#endif

namespace distill {

namespace {

enum class Lock { taken, held_by_another, not_supported };

// The system releases the lock when the process ends, however it ends.
Lock take_lock(int file) {
#ifdef _WIN32
  return Lock::not_supported;
#else
  int status = 0;
  do status = flock(file, LOCK_EX | LOCK_NB);
  while (status != 0 && errno == EINTR);
  if (status == 0) return Lock::taken;
  if (errno == EWOULDBLOCK) return Lock::held_by_another;
  if (errno == ENOLCK || errno == ENOTSUP || errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL) return Lock::not_supported;
  throw WrongRange("lockFile: file: expected an open file's number, got " + std::to_string(file) + ": " +
                   std::generic_category().message(errno));
#endif
}

Napi::Value lock_file(const Napi::CallbackInfo &info, Environment &) {
  const Value file = take_value(info[0]);
  if (file.kind != Value::Kind::number) throw WrongType("lockFile: file: expected an open file's number, got " + file.describe());
  if (!(file.number >= 0 && file.number <= INT32_MAX && file.number == static_cast<int>(file.number)))
    throw WrongRange("lockFile: file: expected an open file's number, got " + file.describe());
  switch (take_lock(static_cast<int>(file.number))) {
    case Lock::taken:
      return Napi::String::New(info.Env(), "taken");
    case Lock::held_by_another:
      return Napi::String::New(info.Env(), "held by another");
    default:
      return Napi::String::New(info.Env(), "not supported");
  }
}

size_t column_count(const Napi::Value &argument) {
  constexpr int kMost = 1000;
  const std::string expected = "readTable: columns: expected an integer from 1 to " + std::to_string(kMost) + ", got ";
  const Value count = take_value(argument);
  if (count.kind != Value::Kind::number) throw WrongType(expected + count.describe());
  if (!(count.number >= 1 && count.number <= kMost && count.number == static_cast<int>(count.number)))
    throw WrongRange(expected + count.describe());
  return static_cast<size_t>(count.number);
}

Napi::Value read_table_method(const Napi::CallbackInfo &info, Environment &environment) {
  const size_t width = column_count(info[1]);
  const ByteArray bytes = byte_array("readTable", info[0]);
  const TableText table{static_cast<const char *>(bytes.data), static_cast<size_t>(bytes.length)};
  const size_t rows = lines_of(table);
  const Napi::Array arrays = Napi::Array::New(info.Env(), width);
  std::vector<float *> columns;
  for (size_t column = 0; column < width; column++) {
    const NewArray values = new_array("readTable", environment, DType::f32, static_cast<int64_t>(rows));
    arrays.Set(static_cast<uint32_t>(column), values.array);
    columns.push_back(static_cast<float *>(values.data));
  }
  if (!read_table(table, rows, columns)) return info.Env().Null();
  return arrays;
}

}  // namespace

void add_file_methods(Napi::Object exports) {
  add_method<lock_file>(exports, "lockFile");
  add_method<read_table_method>(exports, "readTable");
}

}  // namespace distill
