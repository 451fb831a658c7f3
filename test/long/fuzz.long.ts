// DISTILL_SEED gives the first of the seeds, and DISTILL_CALLS another number of calls of each thread.
import { expect, it } from "vitest";
import { fuzz, noSanitizedAddon } from "../backend/fuzz/run";

const FIRST = Number(process.env.DISTILL_SEED ?? 100);
const CALLS = Number(process.env.DISTILL_CALLS ?? 20_000);

it.for([0, 1, 2, 3, 4].map((i) => FIRST + i))("the addon withstands any calls, seed %i", async (seed, test) => {
  if (noSanitizedAddon) test.skip(noSanitizedAddon);
  expect(await fuzz({ seed, threads: 4, calls: CALLS })).toMatch(/succeeded/);
});
