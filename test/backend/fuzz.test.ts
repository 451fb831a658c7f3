// Legal and hostile calls of everything that the addon exports, from several threads, under AddressSanitizer and UndefinedBehaviorSanitizer.
// DISTILL_SEED repeats what was found. `npm run test:long` makes more of them.
import { expect, it } from "vitest";
import { noSanitizers, sanitizedLibrary } from "../cuda/emulated";
import { addon, ops } from "./calls";
import { fuzz, noSanitizedAddon } from "./fuzz/run";

const seed = Number(process.env.DISTILL_SEED ?? 1);
/** On a busy machine; a quiet one needs a tenth of it. */
const PATIENCE_MS = 600_000;
/** What only a GPU can do. */
const OF_GPUS = ["useCuda", "beginRecording", "endRecording", "replay", "releaseRecording"];

it(
  "the addon withstands any calls",
  async (test) => {
    if (noSanitizedAddon) test.skip(noSanitizedAddon);
    const { accepted, refused } = await fuzz({ seed, threads: 3, calls: 9000 });
    // A fuzz in which everything is refused proves nothing.
    expect(Object.keys(accepted)).toEqual(expect.arrayContaining(addon.cpuFeatures().isas));
    for (const [variant, counts] of Object.entries(accepted))
      for (const op of Object.keys(ops)) expect(counts[op] ?? 0, `calls of ${op} that succeeded on ${variant}`).toBeGreaterThan(0);
    const never = Object.keys(addon).filter((name) => !Object.values(accepted).some((counts) => counts[name]));
    expect(never.filter((name) => !OF_GPUS.includes(name))).toEqual([]);
    expect(refused).toBeGreaterThan(1000);
  },
  PATIENCE_MS,
);

it(
  "the addon withstands any calls on an emulated GPU",
  async (test) => {
    const missing = noSanitizedAddon ?? noSanitizers;
    if (missing) test.skip(missing);
    const { accepted } = await fuzz({ seed, threads: 1, calls: 8000, library: sanitizedLibrary });
    const counts = accepted["emulated GPU"]!;
    expect([...Object.keys(ops), ...OF_GPUS].filter((name) => !counts[name])).toEqual([]);
  },
  PATIENCE_MS,
);
