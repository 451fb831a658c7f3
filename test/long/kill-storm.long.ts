// DISTILL_KILLS gives another number of kills, and DISTILL_SEED other moments.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Kind, killed, lasting, randomOf, undisturbed, writeStormRecipe } from "../faults/storm";

const KILLS = Number(process.env.DISTILL_KILLS ?? 30);
const SEED = Number(process.env.DISTILL_SEED ?? 1);
/** A chain of kills of one run: more would seldom let it get anywhere. */
const A_CHAIN = 5;

let cwd: string;
beforeAll(() => {
  cwd = mkdtempSync(path.join(tmpdir(), "distill-storm-"));
  writeStormRecipe(cwd);
});
afterAll(() => rmSync(cwd, { recursive: true }));

test(`${KILLS} kills of runs, comparisons and sweeps change nothing`, async () => {
  const kinds: Kind[] = ["train", "compare", "sweep"];
  for (const kind of kinds) await undisturbed(cwd, kind, `whole-${kind}`);
  const random = randomOf(SEED);
  for (let done = 0, chain = 0; done < KILLS; done += A_CHAIN, chain++) {
    const kind = kinds[chain % kinds.length]!;
    await killed(cwd, kind, `killed-${chain}`, Math.min(A_CHAIN, KILLS - done), random);
    expect(lasting(cwd, `killed-${chain}`)).toEqual(lasting(cwd, `whole-${kind}`));
    rmSync(path.join(cwd, `killed-${chain}`), { recursive: true });
  }
}, 3_600_000);
