// The NEON variant of every op on a processor that is no arm64: cross-compiled, played by an emulator of the processor without Node, and compared
// with the scalar ops and with itself on two threads (native/testing/arm64). On arm64, variants.test.ts does so in the addon.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { beforeEach, describe, expect, it } from "vitest";
import { callsFile } from "../cuda/emulated";
import { caseCalls, elements } from "../gpu/cases";
import { bf16Cases, type Case, cases } from "./cases";

const driver = fileURLToPath(new URL("../../native/build/arm64/distill_cpu_driver", import.meta.url));
const missing = existsSync(driver)
  ? null
  : "run by `npm test` on Debian and Ubuntu for x64, which builds the driver with g++-aarch64-linux-gnu and runs it with qemu-user-static";

beforeEach((test) => {
  if (missing) test.skip(missing);
});

const play = (calls: string, variant = "neon") => spawnSync("qemu-aarch64-static", [driver, variant, callsFile(calls)], { encoding: "utf8" });
const wrong = (stdout: string) => stdout.split("\n").filter((line) => line.startsWith("WRONG"));

/** Most elements of a case's inputs, because the emulator takes its time. In bf16 only reading and writing differ, so that few will do. */
const MOST = { fp32: 250_000, bf16: 20_000 };
const played = [...cases.filter((test) => elements(test) <= MOST.fp32), ...bf16Cases.filter((test) => elements(test) <= MOST.bf16)].filter(
  ({ large }) => !large,
);
const ops = [...new Set(played.map(({ op }) => op))];

it.each(ops)("%s is right and has the same bits with two threads", (op) => {
  const tests = played.filter((test) => test.op === op);
  const { stdout, stderr, status } = play(tests.map(caseCalls).join(""));
  expect([wrong(stdout), stderr, status]).toEqual([[], "", 0]);
  expect(stdout).toMatch(new RegExp(`\n${tests.length} played, 0 wrong\n$`));
});

describe("the driver", () => {
  it("notices a difference, and continues with the next case", () => {
    const [first, second] = cases.filter(({ op }) => op === "gelu") as [Case, Case];
    const { stdout, status } = play(caseCalls(first).replace(/^compare .*/m, "compare 0 0") + caseCalls(second));
    expect(stdout).toMatch(/\nWRONG gelu: .*: relative error 0\.0*\nright gelu: .*\n2 played, 1 wrong\n$/);
    expect(status).toBe(1);
  });

  it("says which variants there are", () => {
    const { stderr, status } = play("", "avx2");
    expect([stderr, status]).toEqual(["usage: distill_cpu_driver VARIANT FILE...; this processor runs scalar neon\n", 2]);
  });
});
