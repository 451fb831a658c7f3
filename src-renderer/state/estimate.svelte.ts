import { armsOf } from "../../src-main/contract/arms";
import type { DataInfo } from "../../src-main/contract/data-info";
import type { TimedRecipe } from "../../src-main/contract/engine";
import type { Recipe } from "../../src-main/contract/recipe";
import { teachersOf } from "../../src-main/contract/recipe-values";
import type { Data } from "./data.svelte";
import { type Engine, inWords } from "./engine.svelte";
import type { Setup } from "./setup.svelte";
import type { Sweep } from "./sweep.svelte";

/** What a whole run will take, as far as that is known before it starts. */
export interface Needs {
  /** At least, and at most. */
  seconds: [low: number, high: number];
  /** Besides the program itself. */
  memoryBytes: number;
  diskBytes: number;
}

/** A measured step and a long run differ by so much: other work on the computer, its warmth, reading and writing. */
const FASTER = 0.8;
const SLOWER = 1.4;
/** Of the time of an image alone: many at once are faster. */
const AT_ONCE = 0.5;

/** How long the run of the form will take, and what it needs: a few steps are measured once for each kind of recipe. */
export class Estimate {
  /** Why a recipe was not measured, in words. */
  problem: string | null = $state(null);
  #measured: ReadonlyMap<string, TimedRecipe> = $state.raw(new Map());
  #measuring: string | null = null;

  constructor(
    private readonly data: Data,
    private readonly setup: Setup,
    private readonly engine: Engine,
  ) {}

  /** What tells recipes with other steps apart; null while there is nothing to measure. */
  get key(): string | null {
    const { recipe } = this.setup.result;
    const { info } = this.data;
    return recipe && info && this.device === "cpu" ? keyOf(recipe, info.classes.length) : null;
  }

  /** Where the run will be trained; null while that is not known. */
  get device(): "cpu" | "cuda" | null {
    const { computer } = this.setup;
    const device = this.setup.result.recipe?.device ?? "auto";
    if (device !== "auto") return device;
    return computer && (computer.gpus.length > 0 ? "cuda" : "cpu");
  }

  /** Asks the engine to measure the form's recipe, once for each kind. */
  async measure(): Promise<void> {
    const { key } = this;
    if (key === null || this.#measured.has(key) || this.#measuring === key) return;
    this.#measuring = key;
    this.problem = null;
    try {
      const timed = await this.engine.call("timeRecipe", { recipe: this.setup.result.recipe!, classes: this.data.info!.classes.length });
      this.#measured = new Map([...this.#measured, [key, timed]]);
    } catch (error) {
      if (this.key === key) this.problem = inWords(error);
    } finally {
      if (this.#measuring === key) this.#measuring = null;
    }
  }

  /** Null until it is measured. */
  get needs(): Needs | null {
    const { key } = this;
    const timed = key === null ? undefined : this.#measured.get(key);
    return timed && this.setup.sweepProblem === null ? needsOf(this.setup.result.recipe!, timed, this.data.info!, this.setup.sweep) : null;
  }
}

function keyOf({ student, teacher, distillation, train, augment }: Recipe, classes: number): string {
  const { model, imageSize, patchSize } = student;
  const { batchSize, precision, bf16Products, optimizer, ema } = train;
  const teachers = teachersOf({ teacher }).map((each) => [each.model, each.imageSize]);
  // How much a term weighs takes no time.
  const terms = distillation?.terms.map(({ weight: _, ...term }) => ("temperature" in term ? { ...term, temperature: 1 } : term));
  return JSON.stringify([model, imageSize, patchSize, terms && teachers, terms, batchSize, precision, bf16Products, optimizer, ema, augment, classes]);
}

/** What is made of a recipe. */
type Made = Pick<Sweep, "chosen" | "seeds" | "labels" | "trials" | "batches">;
type Counts = Pick<DataInfo, "train" | "validation" | "test">;

/** `info`: of the data, all of which are used but for the recipe's limits. */
export function needsOf(recipe: Recipe, timed: TimedRecipe, info: Counts, { chosen, seeds, labels, trials, batches }: Made): Needs {
  switch (chosen) {
    case "search":
      return repeated(ofTraining({ ...recipe, train: { ...recipe.train, batches: batches ?? recipe.train.batches } }, timed, info, "student"), trials);
    case "labels":
      return inTurn(labels.map((labelled) => repeated(ofTraining({ ...recipe, data: { ...recipe.data, labelled } }, timed, info, "all"), seeds)));
    default:
      return repeated(ofTraining(recipe, timed, info, "all"), seeds);
  }
}

/** One after the other: time and disk add up. */
function inTurn(all: readonly Needs[]): Needs {
  const sum = (of: (needs: Needs) => number) => all.reduce((total, needs) => total + of(needs), 0);
  return {
    seconds: [sum(({ seconds }) => seconds[0]), sum(({ seconds }) => seconds[1])],
    memoryBytes: Math.max(...all.map(({ memoryBytes }) => memoryBytes)),
    diskBytes: sum(({ diskBytes }) => diskBytes),
  };
}

const repeated = ({ seconds: [low, high], memoryBytes, diskBytes }: Needs, times: number): Needs => ({
  seconds: [times * low, times * high],
  memoryBytes,
  diskBytes: times * diskBytes,
});

/** Of all arms of a recipe, or of its student alone. */
function ofTraining(recipe: Recipe, timed: TimedRecipe, info: Counts, which: "all" | "student"): Needs {
  const { data, train, distillation, student } = recipe;
  const arms = distillation && which === "all" ? armsOf(recipe).length : 1;
  const available = Math.min(info.train.count, data.trainLimit ?? info.train.count);
  // Without the others, only images with labels are shown.
  const trainImages = data.unlabelled === null ? Math.min(available, data.labelled ?? available) : available;
  const testImages = Math.min(info.test.count, data.testLimit ?? info.test.count) + (info.validation?.count ?? data.validation ?? 0);
  const epochs = Math.min(train.epochs, (train.batches ?? Number.POSITIVE_INFINITY) / Math.ceil(trainImages / train.batchSize));
  const secondsOf = (epochsOfTeacher: number) => {
    const { control, student } = timed.secondsPerImage;
    if (!distillation) return trainImages * epochs * student;
    const ofStudents = epochsOfTeacher * student + (epochs - epochsOfTeacher) * control;
    return trainImages * (which === "student" ? ofStudents : epochs * control + (arms - 1) * ofStudents);
  };
  const tests = Math.ceil(epochs / train.evaluateEvery) * arms * (train.ema === null ? 1 : 2) * testImages * timed.secondsPerImage.test;
  const images = (available + testImages) * student.imageSize ** 2 * 3;
  // Weights, gradients and what the optimizer keeps.
  const ofArm = timed.weightBytes + timed.checkpointBytes;
  const files = timed.checkpointBytes + timed.weightBytes * (1 + (train.ema === null ? 0 : 1) + (data.validation === null ? 0 : 1));
  return {
    seconds: [FASTER * (secondsOf(teacherEpochs(recipe, epochs)) + AT_ONCE * tests), SLOWER * (secondsOf(epochs) + tests)],
    memoryBytes: arms * ofArm + timed.teacherBytes + timed.bytesPerImage * Math.min(train.batchSize, trainImages) + images,
    diskBytes: arms * files,
  };
}

/** Epochs in which the teacher is asked at the least: its answers to views that come again may be kept. */
function teacherEpochs({ distillation, augment: { views, ...drawn } }: Recipe, epochs: number): number {
  if (!distillation?.cacheTeacher) return epochs;
  const isDrawn = Object.values(drawn).some((value) => value !== 0 && value !== false);
  return Math.min(epochs, isDrawn ? (views ?? epochs) : 1);
}

/** 170, 300 -> "3 to 5 min"; both are rounded outwards, to two figures at most. */
export function rangeInWords([low, high]: readonly [number, number]): string {
  const [unit, seconds] =
    high < 100 ? (["s", 1] as const) : high < 5400 ? (["min", 60] as const) : high < 48 * 3600 ? (["h", 3600] as const) : (["days", 86_400] as const);
  const step = (value: number) => (value > 30 ? 5 : value < 3 && unit !== "s" ? 0.5 : 1);
  const from = Math.max(unit === "s" ? 1 : 0.5, Math.floor(low / seconds / step(low / seconds)) * step(low / seconds));
  const to = Math.max(from, Math.ceil(high / seconds / step(high / seconds)) * step(high / seconds));
  return from === to ? `${to} ${unit}` : `${from} to ${to} ${unit}`;
}

/** 381_000_000 -> "380 MB": two figures, as an estimate has no more. */
export function bytesInWords(bytes: number): string {
  const [unit, size] = bytes >= 1e9 ? (["GB", 1e9] as const) : (["MB", 1e6] as const);
  return `${Number(Math.max(bytes / size, 1 / 10).toPrecision(2))} ${unit}`;
}
