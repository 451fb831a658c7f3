import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type Kind, pointsOf, problemAfter, type Reference, reference, remove } from "../faults/any-call";
import type { Fault } from "../faults/faulty-files";

vi.mock("node:fs", async () => (await import("../faults/faulty-files")).faultyFiles);

afterAll(() => remove());

const kinds: Kind[] = ["train", "compare"];
const faults: Fault["kind"][] = ["kill", "full", "fail"];
const undisturbed = new Map<Kind, Reference>();
beforeAll(async () => {
  for (const kind of kinds) undisturbed.set(kind, await reference(kind));
});

test.each(kinds.flatMap((kind) => faults.map((fault) => [fault, kind] as const)))("%s at every change to the disk of %s", async (fault, kind) => {
  const whole = undisturbed.get(kind)!;
  const problems: string[] = [];
  for (const at of pointsOf(whole)) {
    const problem = await problemAfter(whole, { at, kind: fault });
    if (problem) problems.push(problem);
  }
  expect(problems).toEqual([]);
});
