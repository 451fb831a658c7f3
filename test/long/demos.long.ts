// The demos in full: about 15 and 8 minutes on two cores. docs/results.md has their figures.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { distill } from "../cli/distill";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "distill-long-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Control and student by seed. */
async function compared(...words: string[]) {
  const { out } = await distill([...words, "--json"], folder);
  const { runs, ...comparison } = JSON.parse(out) as {
    runs: { seed: number; arm: string; testAcc: number }[];
    controlled: boolean;
    differentImages: boolean;
    sameImages: { teacherAdds: { controlled: boolean } } | null;
  };
  const of = (arm: string) => runs.filter((run) => run.arm === arm).map(({ testAcc }) => testAcc);
  console.log(words.join(" "), "control", of("control"), "student", of("student"));
  return { ...comparison, control: of("control"), student: of("student"), differences: of("student").map((testAcc, i) => testAcc - of("control")[i]!) };
}

test("the demo's teacher adds 10 points or more with each of three seeds, in controlled comparisons", async () => {
  const { controlled, control, differences } = await compared("demo", "--seeds", "3");
  expect(controlled).toBe(true);
  expect(differences).toHaveLength(3);
  for (const difference of differences) expect(difference).toBeGreaterThan(0.1);
  expect(control.reduce((sum, each) => sum + each, 0) / 3).toBeGreaterThan(0.39);
});

test("with few labels it adds 8 points or more", async () => {
  const { controlled, differentImages, sameImages, differences } = await compared("demo", "few-labels");
  expect({ controlled, differentImages }).toEqual({ controlled: false, differentImages: true });
  expect(sameImages!.teacherAdds.controlled).toBe(true);
  expect(differences[0]).toBeGreaterThan(0.08);
});
