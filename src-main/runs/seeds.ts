import { readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { comparedArms } from "../contract/arms";
import type { SeedCourse } from "../contract/run";
import { holdsRun } from "./header";
import { readableEpochs } from "./reader";

const SEED = /^seed-(\d+)$/;

/** How each arm went with each seed of the sweep that the arm in a run folder belongs to, as far as its tables can be read; none if it belongs to no sweep. */
export function readSeeds(directory: string): SeedCourse[] {
  const comparison = dirname(directory);
  if (!SEED.test(basename(comparison))) return [];
  const sweep = dirname(comparison);
  const seeds = readdirSync(sweep).filter((name) => SEED.test(name));
  return seeds
    .sort((a, b) => seedOf(a) - seedOf(b))
    .flatMap((name) => comparedArms.map((arm) => ({ seed: seedOf(name), arm, directory: join(sweep, name, arm) })))
    .filter((run) => holdsRun(run.directory))
    .map((run) => ({ ...run, epochs: testsIn(run.directory) }));
}

const seedOf = (name: string): number => Number(SEED.exec(name)![1]);

function testsIn(directory: string): SeedCourse["epochs"] {
  return readableEpochs(directory).records.flatMap(({ epoch, testAcc, emaAcc }) =>
    testAcc === null ? [] : [{ epoch, testAcc, ...(emaAcc !== null && { emaAcc }) }],
  );
}
