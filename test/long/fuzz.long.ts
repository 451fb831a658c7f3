// Two million calls. DISTILL_SEED gives the first of the seeds, and DISTILL_CALLS another number of calls of each thread.
import { expect, it } from "vitest";
import { fuzz, noSanitizedAddon } from "../backend/fuzz/run";

const FIRST = Number(process.env.DISTILL_SEED ?? 100);
const CALLS = Number(process.env.DISTILL_CALLS ?? 50_000);

it.for(Array.from({ length: 10 }, (_, i) => FIRST + i))("the addon withstands any calls, seed %i", async (seed, test) => {
  if (noSanitizedAddon) test.skip(noSanitizedAddon);
  const { accepted, refused } = await fuzz({ seed, threads: 4, calls: CALLS });
  const succeeded = Object.values(accepted).flatMap((counts) => Object.values(counts));
  console.log(`seed ${seed}: ${succeeded.reduce((a, b) => a + b, 0)} calls succeeded on ${Object.keys(accepted).join(", ")}; ${refused} were refused`);
  expect(Math.min(...succeeded)).toBeGreaterThan(0);
});
