#include <cerrno>
#include <system_error>

#include "addon/environment.h"
#include "addon/errors.h"

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

}  // namespace

void add_file_methods(Napi::Object exports) { add_method<lock_file>(exports, "lockFile"); }

}  // namespace distill
