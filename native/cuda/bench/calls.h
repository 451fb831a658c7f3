// What a model or a training does, as calls of the addon that test/gpu/calls.ts noted down, one a line. Tensors are numbers after a #:
//   title TEXT
//   alloc #3 bf16 128,197,192    view #4 #3 25216,192    release #3
//   write #5 3 1 4               numbers #6 SCALE OFFSET BELOW: the formula of values.h, of the tensor's name
//   fill y=#7 value=0            copy from=#7 to=#8      linear_forward x=#3 weight=#1 bias=null y=#9 gelu=true
//   read #9                      read_later 1 #9         take_read 1
//   begin_recording              end_recording 1         replay 1              release_recording 1
//   compare TOLERANCE COUNT      from here on what is read has to be what the same calls give on the processor: relative error of the first
//                                COUNT numbers, 0: of all
//   step IMAGES                  from here to the end is a step of so many images, to be made again and again
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "addon/content.h"
#include "cuda/bench/gpu.h"

namespace distill::bench {

struct CallLine {
  std::string method;
  std::vector<std::string> words;  // after the method; of an op none
  // Of an op. The numbers of tensors are those of the file.
  struct Given {
    std::string name;
    Value value;
    bool is_tensor;  // or a list of tensors
  };
  std::vector<Given> arguments;
};

struct CallFile {
  std::string title;
  std::vector<CallLine> calls, step;
  int64_t images = 0;  // of a step
};

// Throws std::runtime_error on a line that is none of a file of calls.
CallFile read_calls(std::istream &lines);

// What is wrong, one line each.
std::vector<std::string> mistakes(Device &gpu, const CallFile &file);

struct StepTime {
  double seconds;
  int64_t peak_bytes;
};
StepTime time_step(Gpu &gpu, const CallFile &file);

}  // namespace distill::bench
