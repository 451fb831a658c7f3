// The emulator's own test: each planted mistake must be reported or show in the values, whatever the order in which threads run. The same
// kernel without the mistake must pass without a report.
import { execFileSync } from "node:child_process";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { emulatorFaults, noEmulator } from "./emulated";

interface Result {
  fault: string;
  order: number;
  planted: boolean;
  /** Whether the resulting values are correct; true if only the report matters. */
  right: boolean;
  report: string;
}

/** What the report must say; null: nothing is reported, but the values are wrong. */
const faults: Record<string, RegExp | null> = {
  "shared race": /shared-race at faults\.cu:\d+|uninitialised at faults\.cu:\d+/,
  "race inside a warp": /shared-race|uninitialised/,
  "non-atomic sum": /global-race .* of another block/,
  "dropped barrier": /shared-race/,
  "divergent barrier": /divergent-barrier .* other threads of the block wait at faults\.cu/,
  "exit before a barrier": /divergent-barrier .*(has ended while others wait here|have ended before this barrier)/,
  "divergent shuffle": /divergent-warp/,
  deadlock: /deadlock .* threads wait for each other: __syncthreads at .*; the warp at/,
  "out of bounds": /out-of-bounds .* global write of 4 bytes/,
  "shared out of bounds": /out-of-bounds .* shared write of 4 bytes/,
  "shared memory without asking": /bad-launch .* 73728 bytes of shared memory, of 49152/,
  uninitialised: /uninitialised .* nobody has written/,
  "host pointer": /host-access/,
  "use after free": /out-of-bounds .* global read/,
  misaligned: /misaligned/,
  "missing wait for a copy": /async-copy/,
  "own row without order": /shared-race/,
  "wrong half of a fragment": null,
  "missing wait for an event": null,
};

describe("the emulator", () => {
  let results: Result[];
  beforeAll(() => {
    if (noEmulator) return;
    const lines = execFileSync(emulatorFaults, { encoding: "utf8" }).trim().split("\n");
    results = lines.map((line) => JSON.parse(line));
  });

  beforeEach((test) => {
    if (noEmulator) test.skip(noEmulator);
  });

  it("runs every fault in three orders, with the mistake and without", () => {
    expect(new Set(results.map(({ fault }) => fault))).toEqual(new Set(Object.keys(faults)));
    expect(results).toHaveLength(6 * Object.keys(faults).length);
  });

  it.each(Object.entries(faults))("notices: %s", (name, report) => {
    for (const result of results.filter(({ fault, planted }) => fault === name && planted)) {
      if (report) expect(result.report).toMatch(report);
      else expect(result.right).toBe(false);
    }
  });

  it.each(Object.keys(faults))("is silent without: %s", (name) => {
    for (const result of results.filter(({ fault, planted }) => fault === name && !planted)) expect(result).toMatchObject({ right: true, report: "" });
  });
});
