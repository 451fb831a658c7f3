/** Which weights are meant by the folder of a run, a comparison or a sweep. */
import { existsSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { armInWords, comparedArms } from "../contract/arms";
import { bestEpoch } from "../contract/best-epoch";
import { type WeightsOf, weightsOfNames, weightsOfRun } from "../contract/exports";
import { InputError } from "../contract/failure";
import type { EpochRecord } from "../contract/run";
import { type RunHeader, runFiles } from "./files";
import { holdsRun, readHeader } from "./header";
import { predictionFiles, readPredictions } from "./predictions";
import { RUN_DEPTH, readableEpochs, runFolders, SWEEP_DEPTH, summaryOf } from "./reader";
import { sweepOf } from "./sweeps";

export interface TrainedRun {
  directory: string;
  header: RunHeader;
  weightsOf: WeightsOf;
  /** The file of weights. */
  file: string;
  /** On the test images, 0 ... 1; null if they were not tested. */
  testAccuracy: number | null;
  /** How many; null if nothing tells. */
  testImages: number | null;
  /** What of its records cannot be read; null if all can. */
  damage: string | null;
  /** After which they were taken; null if nothing tells. */
  epoch: number | null;
  /** What else the run has weights of. */
  others: readonly WeightsOf[];
}

/** `directory`: a run, or a comparison, which means its student; of several seeds, `seed` says which. Throws an InputError if no weights, or several, are meant. */
export function trainedRun(directory: string, { seed, weightsOf = "last" }: { seed?: number; weightsOf?: WeightsOf } = {}): TrainedRun {
  const { folder, header } = oneRun(directory, seed);
  const files = weightsFiles(folder);
  const there = weightsOfNames.filter((name) => existsSync(files[name]));
  if (there.length === 0) throw new InputError(`${folder} has no weights yet: expected ${files.last}, which a finished run has`);
  if (!there.includes(weightsOf)) {
    const needs = { last: "a finished run", best: "a run with validation images (data.validation)", ema: "a run with train.ema" }[weightsOf];
    throw new InputError(`${folder} has no weights for ${weightsOf} (${weightsOfRun[weightsOf]}), which ${needs} has: it has those of ${there.join(" and ")}`);
  }
  const { damage } = summaryOf(folder);
  const reached = reachedBy(weightsOf, readableEpochs(folder).records);
  const others = there.filter((name) => name !== weightsOf);
  return { directory: folder, header, weightsOf, file: files[weightsOf], ...reached, testImages: testImagesOf(folder), damage, others };
}

function weightsFiles(directory: string): Record<WeightsOf, string> {
  const { weights, best, averaged } = runFiles(directory);
  return { last: weights, best, ema: averaged };
}

function reachedBy(weightsOf: WeightsOf, epochs: readonly EpochRecord[]): Pick<TrainedRun, "epoch" | "testAccuracy"> {
  const last = epochs.at(-1);
  const best = weightsOf === "best" ? bestEpoch(epochs) : null;
  if (weightsOf === "best") return { epoch: best?.epoch ?? null, testAccuracy: best?.testAcc ?? null };
  return { epoch: last?.epoch ?? null, testAccuracy: (weightsOf === "ema" ? last?.emaAcc : last?.testAcc) ?? null };
}

/** That were answered after the last epoch. */
function testImagesOf(directory: string): number | null {
  try {
    return readPredictions(predictionFiles(directory).last)?.images.length ?? null;
  } catch (error) {
    if (error instanceof InputError) return null;
    throw error;
  }
}

function oneRun(directory: string, seed: number | undefined): { folder: string; header: RunHeader } {
  const runs = runFolders(directory, RUN_DEPTH).map((folder) => ({ folder, header: readHeader(folder) }));
  if (runs.length === 0) throw new InputError(`${directory} holds no run: expected a run, a comparison, or several of them`);
  const students = runs.filter(({ folder, header }) => folder === directory || header.arm === "single" || header.arm === "student");
  if (students.length === 0) {
    const isGone = existsSync(join(directory, "comparison.json"));
    throw new InputError(
      isGone ? `the folder of the student is gone from ${directory}` : `the student of ${directory} has not begun yet, so it has no weights`,
    );
  }
  const meant = students.filter(({ header }) => seed === undefined || header.seed === seed);
  const seeds = [...new Set(students.map(({ header }) => header.seed))];
  if (meant.length === 0)
    throw new InputError(`${directory} has no seed ${seed}: expected ${seeds.length > 1 ? `one of ${reachedInWords(students)}` : seeds[0]}`);
  if (meant.length === 1) return meant[0]!;
  if (seeds.length === meant.length)
    throw new InputError(`${directory} holds ${seeds.length} students: say which by its seed, one of ${reachedInWords(students)}`);
  const names = meant.slice(0, 5).map(({ folder }) => relative(directory, folder));
  throw new InputError(
    `${directory} holds ${meant.length} runs that may be meant: name the folder of one (${names.join(", ")}${meant.length > 5 ? " ..." : ""})`,
  );
}

/** The seeds, with what each reached on the test images: "0 (71.2 %), 1 (72.0 %, the best)". */
function reachedInWords(students: readonly { folder: string; header: RunHeader }[]): string {
  const reached = students.map(({ folder, header: { seed } }) => ({ seed, accuracy: readableEpochs(folder).records.at(-1)?.testAcc ?? null }));
  const best = Math.max(...reached.map(({ accuracy }) => accuracy ?? 0));
  const first = reached.find(({ accuracy }) => accuracy === best);
  const words = reached.map((each) => {
    if (each.accuracy === null) return `${each.seed} (not tested yet)`;
    return `${each.seed} (${(100 * each.accuracy).toFixed(1)} %${each === first && reached.length > 1 ? ", the best" : ""})`;
  });
  return `${words.join(", ")}${best > 0 ? " of the test images right" : ""}`;
}

/** On the test images, by weights of the kind that is asked for, or of the last epoch where a run has none of that kind. */
interface Reached {
  accuracy: number | null;
  weightsOf: WeightsOf;
}

interface Compared {
  /** The other arms of its comparison. */
  beside: ({ words: string } & Reached)[];
  /** The students of its sweep, itself included; none where it belongs to none. */
  seeds: ({ seed: number } & Reached)[];
}

/** What a student's accuracy is to be seen beside, so that one seed is not taken for all. */
export function comparedWith({ directory, header, weightsOf }: TrainedRun): Compared {
  if (header.arm !== "student") return { beside: [], seeds: [] };
  const reached = (folder: string): Reached => {
    const { records } = readableEpochs(folder);
    const { testAccuracy } = reachedBy(weightsOf, records);
    return testAccuracy === null ? { accuracy: reachedBy("last", records).testAccuracy, weightsOf: "last" } : { accuracy: testAccuracy, weightsOf };
  };
  const beside = comparedArms
    .map((arm) => ({ arm, folder: join(dirname(directory), arm) }))
    .filter(({ arm, folder }) => arm !== "student" && holdsRun(folder))
    .map(({ arm, folder }) => ({ words: `the ${armInWords(arm)}${arm === "control" ? ", trained without the teacher" : ""}`, ...reached(folder) }));
  const sweep = sweepOf(directory);
  const students = sweep ? runFolders(sweep.directory, SWEEP_DEPTH).filter((folder) => basename(folder) === "student") : [];
  return { beside, seeds: students.map((folder) => ({ seed: readHeader(folder).seed, ...reached(folder) })).sort((a, b) => a.seed - b.seed) };
}
