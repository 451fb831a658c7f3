#include "cpu/tiles.h"

#if defined(__linux__) && defined(DISTILL_X86)
#include <sys/syscall.h>
#include <unistd.h>
#elif defined(_WIN32)
#include <windows.h>
#endif

namespace distill {

namespace {

constexpr int kTileData = 18;  // the number of the register state

// Holds for threads that exist or start later.
bool request_tiles() {
#if defined(__linux__) && defined(DISTILL_X86)
  constexpr int kRequestPermission = 0x1023;  // ARCH_REQ_XCOMP_PERM
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
#elif defined(_WIN32)
  using Enable = BOOL(WINAPI *)(DWORD64);
  const HMODULE kernel = GetModuleHandleW(L"kernel32.dll");
  const auto enable =
      kernel ? reinterpret_cast<Enable>(reinterpret_cast<void *>(GetProcAddress(kernel, "EnableProcessOptionalXStateFeatures"))) : nullptr;
  return enable && enable(DWORD64{1} << kTileData);
#else
  return false;
#endif
}

}  // namespace

bool allow_tiles() {
  static const bool allowed = request_tiles();
  return allowed;
}

}  // namespace distill
