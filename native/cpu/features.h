// What the processor and the operating system let a program use, read once.
#pragma once

#include <string>
#include <vector>

namespace distill {

struct CpuDescription {
  std::string name;
  std::vector<std::string> features;  // by the Linux kernel's names; only those whose registers the system saves
  int logical_cores;                  // available to this process
  int physical_cores;                 // the same, counting hardware threads of one core once

  bool has(const std::string &feature) const;
};

const CpuDescription &cpu_description();

}  // namespace distill
