// What the program does, as the addon calls that it made (test/gpu/calls.ts), one per line. A title begins a script; a file may hold
// several. Tensors are numbers after a #, separate in each script:
//   title TEXT
//   alloc #3 bf16 128,197,192    view #4 #3 25216,192    release #3
//   write #5 3 1 4               numbers #6 SCALE OFFSET BELOW NAME: the formula of values.h, of that name or else the tensor's
//   fill y=#7 value=0            copy from=#7 to=#8      linear_forward x=#3 weight=#1 bias=null y=#9 gelu=true
//   conv2d_forward x=#4 weight=#5 y=#6 stride=2 padding=same
//   read #9 NAME                 read_later 1 #9         take_read 1
//   begin_recording              end_recording 1         replay 1              release_recording 1
//   compare TOLERANCE COUNT      from here on reads must match the same calls on the processor, by relative error of the first COUNT
//   numbers
//                                (0: all). With "bits" after it, results must also be bitwise equal with and without recording
//   time PRECISION FLOPS BYTES   the next call is timed: fp32 or bf16, and the minimum of operations and bytes that it needs
//   step IMAGES                  from here to the end is a step of that many images, to be timed
#pragma once

#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "addon/arguments.h"

namespace distill::driver {

struct Cost {
  bool is_bf16;
  double flops, bytes;
};

struct CallLine {
  std::string method;
  std::vector<std::string> words;  // after the method; empty for an op
  // The arguments of an op. Tensor numbers are the script's.
  struct Given {
    std::string name;
    Value value;
    bool is_tensor;  // or a list of tensors
  };
  std::vector<Given> arguments;
  std::optional<Cost> cost;  // if the call is timed
};

struct Script {
  std::string title;
  std::vector<CallLine> calls, step;
  int64_t images = 0;  // in a step

  bool compares_bits() const;
  bool times_calls() const;
};

// Throws std::runtime_error on a line that is not part of the format.
std::vector<Script> read_scripts(std::istream &lines);

// Whether the arguments of a call have names: those of ops, and of copy and fill.
bool takes_arguments(const std::string &method);
// "#3" -> 3
int64_t tensor_number(const std::string &text);

}  // namespace distill::driver
