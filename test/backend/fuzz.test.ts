// Legal and hostile calls of everything that the addon exports, from several threads, under AddressSanitizer and UndefinedBehaviorSanitizer.
// DISTILL_SEED repeats what was found. `npm run test:long` makes more of them.
import { expect, it } from "vitest";
import { fuzz, noSanitizedAddon } from "./fuzz/run";

const seed = Number(process.env.DISTILL_SEED ?? 1);

it("the addon withstands any calls", async (test) => {
  if (noSanitizedAddon) test.skip(noSanitizedAddon);
  const report = await fuzz({ seed, threads: 3, calls: 2000 });
  expect(report.match(/^thread \d: \d+ succeeded, \d+ refused$/gm)).toHaveLength(3);
});
