#!/usr/bin/env bash
# Everything that needs an NVIDIA GPU: test/gpu/all.sh [FOLDER FOR RESULTS]
#
# From a checkout alone, with CMake, a C++ compiler, nvcc and a python3 that has PyTorch; no Node and no network. Each part has a file of its own in
# the results, and summary.txt records its outcome:
#   compile      the CUDA library and the driver of native/testing/driver
#   cases        every declarative case of test/ops/cases.json, fp32 and bf16, against the scalar ops, and as a graph against op by op
#   models       logits of whole models, and the losses of 20 training steps, fp32 and bf16, against the scalar ops
#   steps        time of the models' training steps and inference, bf16
#   torch        the same in PyTorch, eager and compiled, beside ours
#   ops          time of each op at the models' sizes, against the roofline
#   memcheck, racecheck, synccheck   the small cases under compute-sanitizer, which must report nothing
# The driver plays test/gpu/calls, the calls that the program makes (test/gpu/calls.ts).
#
# All parts together take at most DISTILL_GPU_SECONDS, 480 by default (8 minutes, enough with 16 cores). A part that exceeds its time is cut off;
# what it has printed is kept. After a part that failed or was cut off the next one runs, except after compile. Exit status: 0 if every part
# succeeded or was left out for a printed reason, 1 if one did not, 2 if there is no GPU.
set -uo pipefail
cd "$(dirname "$0")/../.."
# The first GPU of nvidia-smi is CUDA's first, too.
export CUDA_DEVICE_ORDER=PCI_BUS_ID
if ! nvidia-smi > /dev/null 2>&1; then
  echo "there is no NVIDIA driver here (nvidia-smi does not answer)" >&2
  exit 2
fi
total=${DISTILL_GPU_SECONDS:-480}
results=$(realpath -m "${1:-test-results/gpu}")
export build="$results/build"
mkdir -p "$build"
# Results of an earlier run could be mistaken for this one's.
for name in summary compile cases models steps torch ops memcheck racecheck synccheck; do rm -f "$results/$name.txt"; done
failed=0

report() { # NAME OUTCOME: to the terminal, to the end of the part's own file, and to the summary
  echo "== $1: $2" | tee -a "$results/$1.txt"
  printf '%-10s %s\n' "$1" "$2" >> "$results/summary.txt"
}

part() { # NAME BY COMMAND...: BY is the deadline, in 480ths of the whole time: time that a part leaves is available to the next ones
  local name=$1 start=$SECONDS left=$(($2 * total / 480 - SECONDS))
  shift 2
  [ $left -ge 1 ] || left=1
  echo "== $name, at most $left s"
  timeout --kill-after=5 $left "$@" < /dev/null 2>&1 | tee "$results/$name.txt"
  local status=${PIPESTATUS[0]} seconds=$((SECONDS - start))
  case $status in
    0) report "$name" "done in $seconds s" ;;
    # 137: it had to be killed.
    124 | 137) report "$name" "CUT OFF after $seconds s; what it printed until then is in $name.txt" ;;
    *) report "$name" "FAILED with status $status after $seconds s" ;;
  esac
  [ "$status" = 0 ] || failed=1
}

compile() {
  nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm --format=csv
  nvcc=$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)
  # The architecture of the GPU as a number: CMake before 3.24 does not know "native".
  architecture=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader | head -1 | tr -d .)
  cmake -S native/testing/driver -B "$build" -DCMAKE_BUILD_TYPE=Release -DCMAKE_CUDA_COMPILER="$nvcc" \
    -DDISTILL_CUDA_ARCHITECTURES="$architecture" &&
    cmake --build "$build" --target distill_cuda distill_gpu_driver --parallel
}
export -f compile

calls=test/gpu/calls
driver=("$build/distill_gpu_driver" "$build/libdistill_cuda.so")
sanitizer=$(command -v compute-sanitizer || echo /usr/local/cuda/bin/compute-sanitizer)

part compile 120 bash -c compile
[ $failed = 0 ] || exit 1
part cases 200 "${driver[@]}" $calls/small-cases/*.txt $calls/large-cases/*.txt
part models 260 "${driver[@]}" $calls/models-*.txt $calls/training-*.txt
part steps 290 "${driver[@]}" $calls/step-*.txt
if python3 -c "import torch" 2> /dev/null; then
  part torch 360 python3 native/testing/driver/torch_models.py "$results/steps.txt"
else
  report torch "left out: python3 has no PyTorch"
fi
part ops 430 "${driver[@]}" $calls/ops.txt
for tool_by in memcheck:447 racecheck:464 synccheck:480; do
  tool=${tool_by%:*}
  if [ -x "$sanitizer" ]; then
    part "$tool" "${tool_by#*:}" "$sanitizer" --tool "$tool" --error-exitcode 1 "${driver[@]}" $calls/small-cases/*.txt
  else
    report "$tool" "left out: compute-sanitizer is not installed"
  fi
done
echo
cat "$results/summary.txt"
exit $failed
