/** Trainings that belong together: what each of them is, and what is made of their results. */
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { armsIn, summarize } from "../contract/comparison";
import { InputError } from "../contract/failure";
import type { DataSource, Recipe } from "../contract/recipe";
import type { ComparisonResult, LabelsResult, RunResult, SameImagesSummary, SweepResult, TestedTeacher } from "../contract/run";
import { seenInAll } from "../contract/seen";
import { byTurns } from "../contract/turns";
import { dataInfo } from "../data/data-info";
import { writeWhole } from "../disk/write-whole";
import { writeComparison } from "../runs/comparison";
import { writeReport } from "../runs/report";
import { labelsFolder, type Request, seedFolder } from "../runs/request";

/** One training: a comparison, or the one arm that its recipe describes. */
export interface Member {
  /** trial: one arm of a search. */
  kind: "train" | "compare" | "trial";
  recipe: Recipe;
  directory: string;
  /** Which one it is of a sweep: "trial 3", and with what it is: "trial 3, train.learningRate 0.001". */
  name: string;
  words: string;
}

/** What is trained one after the other, and put together in the end. */
export interface Sweep {
  directory: string;
  /** What it was asked for, as its folder keeps it with the arms. */
  request: Omit<Request, "arms">;
  children: readonly (Member | Sweep)[];
  /** How the result of a member comes about, where it is not its training's alone. */
  trainWith?(member: Member, train: () => Promise<RunResult>): Promise<RunResult>;
  /** From the results of its children, in their order. */
  summarize(results: readonly RunResult[]): RunResult | Promise<RunResult>;
}

export const isSweep = (work: Member | Sweep): work is Sweep => "children" in work;

export const membersOf = (work: Member | Sweep): Member[] => (isSweep(work) ? work.children.flatMap(membersOf) : [work]);

// ---- By seed ----------------------------------------------------------------------------------------------------------------------

/** Comparisons with the recipe's seed and those after it. `of`: what all of them have, in words that a member's begin with. */
export function sweepBySeed(directory: string, recipe: Recipe, seeds: number, of = ""): Sweep {
  return {
    directory,
    request: { recipe, seeds, labels: null },
    children: Array.from({ length: seeds }, (_, i): Member => {
      const seed = recipe.train.seed + i;
      const name = `${of}seed ${seed}`;
      return { kind: "compare", recipe: { ...recipe, train: { ...recipe.train, seed } }, directory: seedFolder(directory, seed), name, words: name };
    }),
    summarize: (results) => summarizeSeeds(directory, results as ComparisonResult[]),
  };
}

/** Means over the comparisons, written to comparison.json and, with every run, to report.html. */
async function summarizeSeeds(directory: string, comparisons: readonly ComparisonResult[]): Promise<SweepResult> {
  const summary = summarize(comparisons);
  const result: SweepResult = {
    directory,
    teacher: teacherOf(comparisons),
    ...summary,
    sameImages: summary.sameImages && withProof(summary.sameImages, comparisons),
    controlled: comparisons.every(({ controlled }) => controlled),
    tunedSeparately: comparisons.some(({ tunedSeparately }) => tunedSeparately),
    comparisons: [...comparisons],
    report: await reportOn(directory, comparisons),
  };
  writeComparison(directory, result);
  return result;
}

/** That of all of them, with what it had seen of the images of all. */
const teacherOf = (members: readonly { teacher: TestedTeacher }[]): TestedTeacher => ({
  ...members[0]!.teacher,
  seen: seenInAll(members.map(({ teacher }) => teacher.seen)),
});

/** With whether each comparison's arm is proven to differ from its control in the teacher alone. */
function withProof(summary: SameImagesSummary, comparisons: readonly ComparisonResult[]): SweepResult["sameImages"] {
  const controlled = comparisons.every(({ sameImages }) => sameImages?.teacherAdds.controlled);
  return { ...summary, teacherAdds: { ...summary.teacherAdds, controlled } };
}

function reportOn(directory: string, comparisons: readonly ComparisonResult[]): Promise<string> {
  const runs = comparisons.flatMap((comparison) => armsIn(comparison).map(({ figures }) => figures.directory));
  return byTurns(writeReport({ runs, format: "html", out: join(directory, "report.html") }, { write: writeWhole }), nextTurn);
}

// ---- By number of labels ----------------------------------------------------------------------------------------------------------

/**
 * A sweep over seeds for each number of labelled images, ascending. Throws an InputError, before anything is trained, if there are not as many images, or fewer
 * labels than classes.
 */
export async function sweepByLabels(directory: string, recipe: Recipe, labels: readonly number[], seeds: number): Promise<Sweep> {
  const { images, classes } = await labelledAtMost(recipe.data);
  const wrong = labels.find((labelled) => labelled < classes || labelled > images);
  if (wrong !== undefined)
    throw new InputError(
      `labels: expected numbers from ${classes}, one image of each class, to ${images}, the training images that there are${heldBack(recipe.data)}, got ${wrong}`,
    );
  return {
    directory,
    request: { recipe, seeds, labels },
    children: labels.map((labelled) => {
      // Where all images have labels, none is left without.
      const unlabelled = labelled === images && recipe.data.unlabelled === "rest" ? null : recipe.data.unlabelled;
      const own = { ...recipe, data: { ...recipe.data, labelled, unlabelled } };
      return sweepBySeed(labelsFolder(directory, labelled), own, seeds, `${labelled} labels, `);
    }),
    summarize: (results) => summarizeLabels(directory, labels, results as SweepResult[]),
  };
}

/** How many training images may have labels, and how many classes there are. */
async function labelledAtMost(data: DataSource): Promise<{ images: number; classes: number }> {
  const { train, classes } = await dataInfo(data, 0);
  const { trainLimit, validation } = data;
  return { images: Math.min(train.count, trainLimit ?? train.count) - (validation ?? 0), classes: classes.length };
}

const heldBack = ({ validation }: DataSource): string => (validation === null ? "" : ` besides the ${validation} for validation`);

async function summarizeLabels(directory: string, numbers: readonly number[], sweeps: readonly SweepResult[]): Promise<LabelsResult> {
  const result: LabelsResult = {
    directory,
    teacher: teacherOf(sweeps),
    labels: sweeps.map((sweep, i) => ({ labelled: numbers[i]!, ...sweep })),
    report: await reportOn(
      directory,
      sweeps.flatMap(({ comparisons }) => comparisons),
    ),
  };
  writeComparison(directory, result);
  return result;
}
