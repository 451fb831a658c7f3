#include "cpu/features.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <set>
#include <thread>

#if defined(__linux__)
#include <sched.h>
#endif
#if defined(__APPLE__)
#include <sys/sysctl.h>
#endif
#if defined(DISTILL_ARM64) && defined(__linux__)
#include <sys/auxv.h>
#endif
#if defined(DISTILL_X86) && defined(_MSC_VER)
#include <immintrin.h>
#include <intrin.h>
#elif defined(DISTILL_X86)
#include <cpuid.h>
#endif

namespace distill {

namespace {

#if defined(__APPLE__)

// The kernel's number of that name, or 0 if it has none
int32_t system_number(const char *name) {
  int32_t number = 0;
  size_t size = sizeof(number);
  return sysctlbyname(name, &number, &size, nullptr, 0) == 0 ? number : 0;
}

#endif

#if defined(DISTILL_X86)

struct Registers {
  uint32_t words[4];  // eax, ebx, ecx, edx
};
enum { EAX, EBX, ECX, EDX };

Registers cpuid(uint32_t leaf, uint32_t subleaf) {
  Registers r{};
#if defined(_MSC_VER)
  __cpuidex(reinterpret_cast<int *>(r.words), static_cast<int>(leaf), static_cast<int>(subleaf));
#else
  __cpuid_count(leaf, subleaf, r.words[EAX], r.words[EBX], r.words[ECX], r.words[EDX]);
#endif
  return r;
}

// Which register states the operating system saves: bits 1-2 are xmm and ymm, bits 5-7 the mask registers and zmm,
// bits 17-18 the configuration and the data of tiles.
uint64_t saved_states() {
  constexpr uint32_t kOsxsave = 1u << 27;
  if (!(cpuid(1, 0).words[ECX] & kOsxsave)) return 0;
#if defined(_MSC_VER)
  return _xgetbv(0);
#else
  uint32_t low, high;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return static_cast<uint64_t>(high) << 32 | low;
#endif
}

constexpr uint64_t kYmm = 0x06, kZmm = 0xe6, kTiles = 0x600e6;

struct Feature {
  const char *name;
  uint32_t leaf, subleaf, word, bit;
  uint64_t states;
};
constexpr Feature kFeatures[] = {
    {"sse4_2", 1, 0, ECX, 20, 0},         {"avx", 1, 0, ECX, 28, kYmm},        {"f16c", 1, 0, ECX, 29, kYmm},
    {"fma", 1, 0, ECX, 12, kYmm},         {"avx2", 7, 0, EBX, 5, kYmm},        {"avx512f", 7, 0, EBX, 16, kZmm},
    {"avx512dq", 7, 0, EBX, 17, kZmm},    {"avx512bw", 7, 0, EBX, 30, kZmm},   {"avx512vl", 7, 0, EBX, 31, kZmm},
    {"avx512_vnni", 7, 0, ECX, 11, kZmm}, {"avx512_bf16", 7, 1, EAX, 5, kZmm}, {"amx_tile", 7, 0, EDX, 24, kTiles},
    {"amx_bf16", 7, 0, EDX, 22, kTiles},
};

std::vector<std::string> read_features() {
  const uint32_t highest_leaf = cpuid(0, 0).words[EAX];
  const uint64_t states = saved_states();
  std::vector<std::string> features;
  for (const Feature &f : kFeatures) {
    if (f.leaf > highest_leaf || (states & f.states) != f.states) continue;
    if (f.subleaf > 0 && f.subleaf > cpuid(f.leaf, 0).words[EAX]) continue;
    if (cpuid(f.leaf, f.subleaf).words[f.word] >> f.bit & 1) features.push_back(f.name);
  }
  return features;
}

std::string read_name() {
  if (cpuid(0x80000000, 0).words[EAX] < 0x80000004) return "x86-64 processor";
  char brand[49] = {};
  for (uint32_t i = 0; i < 3; ++i) std::memcpy(brand + 16 * i, cpuid(0x80000002 + i, 0).words, 16);
  const std::string name = brand;
  const size_t first = name.find_first_not_of(' ');
  return first == std::string::npos ? "x86-64 processor" : name.substr(first, name.find_last_not_of(' ') - first + 1);
}

#elif defined(DISTILL_ARM64) && defined(__linux__)

struct Feature {
  const char *name;
  unsigned long list;
  int bit;  // by the kernel's asm/hwcap.h
};
constexpr Feature kFeatures[] = {
    {"asimd", AT_HWCAP, 1}, {"asimdhp", AT_HWCAP, 10}, {"asimddp", AT_HWCAP, 20}, {"sve", AT_HWCAP, 22},
    {"sve2", AT_HWCAP2, 1}, {"i8mm", AT_HWCAP2, 13},   {"bf16", AT_HWCAP2, 14},
};

std::vector<std::string> read_features() {
  std::vector<std::string> features;
  for (const Feature &f : kFeatures)
    if (getauxval(f.list) >> f.bit & 1) features.push_back(f.name);
  return features;
}

// What /proc/cpuinfo says of the first processor under that key
std::string cpuinfo(const std::string &key) {
  std::ifstream lines("/proc/cpuinfo");
  for (std::string line; std::getline(lines, line);) {
    const size_t colon = line.find(": ");
    if (line.starts_with(key) && colon != std::string::npos) return line.substr(colon + 2);
  }
  return {};
}

// Kernels for arm64 know numbers, which lscpu translates.
std::string read_name() {
  const std::string name = cpuinfo("model name"), implementer = cpuinfo("CPU implementer"), part = cpuinfo("CPU part");
  if (!name.empty()) return name;
  return implementer.empty() ? "arm64 processor" : "arm64 processor (implementer " + implementer + ", part " + part + ")";
}

#elif defined(DISTILL_ARM64) && defined(__APPLE__)

struct Feature {
  const char *name, *variable;
};
constexpr Feature kFeatures[] = {
    {"asimdhp", "hw.optional.arm.FEAT_FP16"},
    {"asimddp", "hw.optional.arm.FEAT_DotProd"},
    {"i8mm", "hw.optional.arm.FEAT_I8MM"},
    {"bf16", "hw.optional.arm.FEAT_BF16"},
};

std::vector<std::string> read_features() {
  std::vector<std::string> features = {"asimd"};
  for (const Feature &f : kFeatures)
    if (system_number(f.variable) != 0) features.push_back(f.name);
  return features;
}

std::string read_name() {
  char brand[128] = {};
  size_t size = sizeof(brand) - 1;
  return sysctlbyname("machdep.cpu.brand_string", brand, &size, nullptr, 0) == 0 ? brand : "arm64 processor";
}

#else

std::vector<std::string> read_features() { return {}; }
std::string read_name() { return "processor"; }

#endif

struct Cores {
  int logical, physical;
};

#if defined(__linux__)

// Respects affinity masks (taskset, containers): more threads than processors would only wait for each other.
Cores read_cores() {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) {
    const int all = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
    return {all, all};
  }
  Cores cores{};
  std::set<std::string> seen;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed)) continue;
    ++cores.logical;
    std::ifstream file("/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/thread_siblings_list");
    std::string siblings = "cpu" + std::to_string(cpu);
    std::getline(file, siblings);
    if (seen.insert(siblings.empty() ? "cpu" + std::to_string(cpu) : siblings).second) ++cores.physical;
  }
  return cores;
}

#elif defined(__APPLE__)

Cores read_cores() { return {std::max(1, system_number("hw.logicalcpu")), std::max(1, system_number("hw.physicalcpu"))}; }

#else

Cores read_cores() {
  const int all = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  return {all, all};
}

#endif

CpuDescription read_description() {
  const Cores cores = read_cores();
  return {read_name(), read_features(), cores.logical, cores.physical};
}

}  // namespace

bool CpuDescription::has(const std::string &feature) const {
  return std::find(features.begin(), features.end(), feature) != features.end();
}

const CpuDescription &cpu_description() {
  static const CpuDescription description = read_description();
  return description;
}

}  // namespace distill
