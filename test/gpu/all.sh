#!/usr/bin/env bash
# Everything that needs an NVIDIA GPU: test/gpu/all.sh [FOLDER FOR RESULTS]
#
# From a checkout alone, with CMake, a C++ compiler, nvcc and a python3 that has PyTorch; no Node and no network. Builds the CUDA library and the
# driver of native/cuda/bench, then, each with a file of its own in the results:
#   cases        every declarative case of test/ops/cases.json, fp32 and bf16, against the scalar ops; recorded as a graph against op by op
#   memcheck, racecheck, synccheck   the small cases under compute-sanitizer, which has to be silent
#   models       what whole models give, and the losses of 20 steps of training, fp32 and bf16, against the scalar ops
#   ops          time of each op at the models' sizes, against the roofline
#   steps        time of the models' training steps and inference, bf16
#   torch        the same in PyTorch, eager and compiled, beside ours
# Models and steps are played from test/gpu/calls: what the program calls, noted down (test/gpu/calls.ts).
# Goes on after a part that fails; the exit status tells whether one did.
set -uo pipefail
cd "$(dirname "$0")/../.."
# The first GPU of nvidia-smi is CUDA's first, too.
export CUDA_DEVICE_ORDER=PCI_BUS_ID
if ! nvidia-smi > /dev/null 2>&1; then
  echo "there is no NVIDIA driver here (nvidia-smi does not answer)" >&2
  exit 2
fi
results=$(realpath -m "${1:-test-results/gpu}")
build="$results/build"
mkdir -p "$build"
failed=0

part() { # NAME COMMAND...: its output goes to the terminal and to a file
  local name=$1
  shift
  echo "== $name"
  if ! "$@" 2>&1 | tee "$results/$name.txt"; then
    echo "== $name FAILED"
    failed=1
  fi
}

compile() {
  nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm --format=csv
  nvcc=$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)
  # The architecture of the GPU as a number: CMake before 3.24 does not know "native".
  architecture=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader | head -1 | tr -d .)
  cmake -S native/cuda/bench -B "$build" -DCMAKE_BUILD_TYPE=Release -DCMAKE_CUDA_COMPILER="$nvcc" -DDISTILL_CUDA_ARCHITECTURES="$architecture" &&
    cmake --build "$build" --target distill_cuda distill_cuda_bench --parallel
}
driver() { # CASES COMMAND...
  local cases=$1
  shift
  "$@" < "$cases"
}

part compile compile
[ $failed = 0 ] || exit 1
library="$build/libdistill_cuda.so"
bench="$build/distill_cuda_bench"
python3 native/cuda/bench/cases.py test/ops/cases.json --sizes-of-models > "$results/all-cases.txt"
python3 native/cuda/bench/cases.py test/ops/cases.json --small > "$results/small-cases.txt"

part cases driver "$results/all-cases.txt" "$bench" "$library"
part models "$bench" "$library" --calls test/gpu/calls/models-*.txt test/gpu/calls/training-*.txt
sanitizer=$(command -v compute-sanitizer || echo /usr/local/cuda/bin/compute-sanitizer)
for tool in memcheck racecheck synccheck; do
  if [ -x "$sanitizer" ]; then
    part $tool driver "$results/small-cases.txt" "$sanitizer" --tool $tool --error-exitcode 1 "$bench" "$library"
  else
    echo "== $tool left out: compute-sanitizer is not installed" | tee "$results/$tool.txt"
  fi
done
part ops driver "$results/all-cases.txt" "$bench" "$library" --time
part steps "$bench" "$library" --calls test/gpu/calls/step-*.txt
if python3 -c "import torch" 2> /dev/null; then
  part torch python3 native/cuda/bench/torch_models.py "$results/steps.txt"
else
  echo "== torch left out: python3 has no PyTorch" | tee "$results/torch.txt"
fi
exit $failed
