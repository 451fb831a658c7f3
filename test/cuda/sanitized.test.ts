// The kernels and their launchers under AddressSanitizer and UndefinedBehaviorSanitizer, which see what the emulator's shadow memory does not:
// a thread's own variables, undefined arithmetic, and host memory. The first report ends the program, with its text.
import { spawnSync } from "node:child_process";
import { beforeEach, describe, expect, it } from "vitest";
import { training, upToRead } from "../gpu/calls";
import { callsFile, noSanitizers, sanitizedDriver, sanitizedFaults, sanitizedLibrary, smallCases } from "./emulated";

// Leak detection needs permission to trace processes, which containers may lack. Fake stacks take megabytes, and each thread of a kernel would have one.
const ASAN_OPTIONS = "detect_leaks=0:detect_stack_use_after_return=0";

const sanitized = (program: string, args: string[]) =>
  spawnSync(program, args, { encoding: "utf8", env: { ...process.env, ASAN_OPTIONS, DISTILL_EMULATOR: "", DISTILL_EMULATOR_ORDER: "7" } });

beforeEach((test) => {
  if (noSanitizers) test.skip(noSanitizers);
});

const faults: Record<string, RegExp> = {
  "own array out of bounds": /AddressSanitizer: stack-buffer-overflow[\s\S]* in [^\n]*sum_of_own_array/,
  "signed overflow": /faults\.cu:\d+:\d+: runtime error: signed integer overflow/,
  "misaligned pair": /faults\.cu:\d+:\d+: runtime error: .* misaligned address/,
  "host memory out of bounds": /AddressSanitizer: heap-buffer-overflow[\s\S]* in [^\n]*launch_from_list/,
  "host memory after its end": /AddressSanitizer: heap-use-after-free[\s\S]* in [^\n]*launch_from_freed/,
};

describe("a planted mistake ends the program with a report", () => {
  it.each(Object.entries(faults))("%s", (name, report) => {
    const { stderr, status } = sanitized(sanitizedFaults, [name, "planted"]);
    expect(stderr).toMatch(report);
    expect(status).toBe(1);
  });

  it.each(Object.keys(faults))("but passes without it: %s", (name) => {
    expect(sanitized(sanitizedFaults, [name])).toMatchObject({ status: 0, stderr: "" });
  });
});

/** In one order of threads, as the others only matter for races; the emulator covers the large cases. */
it("the small cases pass without a report, op by op and recorded", () => {
  const { stdout, stderr, status } = sanitized(sanitizedDriver, [sanitizedLibrary, ...smallCases()]);
  expect(stderr).toBe("");
  expect(stdout).toMatch(/\n\d{3} played, 0 wrong\n$/);
  expect(status).toBe(0);
});

it("training steps pass without a report, the last ones recorded and replayed", () => {
  const sizes = { model: "vit_micro_patch4_32", imageSize: 8, patchSize: 4 };
  const calls = upToRead(2, training(sizes, { model: "resnet20_cifar10", imageSize: 8 }, "bf16"));
  const { stdout, stderr, status } = sanitized(sanitizedDriver, [sanitizedLibrary, callsFile(calls)]);
  expect([stderr, stdout, status]).toEqual(["", "right 20 steps of vit_micro_patch4_32, distilled from resnet20_cifar10, bf16\n1 played, 0 wrong\n", 0]);
});
