import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { compareEvidence, evidenceOf, isControlled } from "../contract/evidence";
import type { Normalization } from "../contract/normalization";
import type { Recipe } from "../contract/recipe";
import type { ComparisonResult, RunDetails, TrainResult } from "../contract/run";
import type { Dataset } from "../data/dataset";
import { openDataset } from "../data/open-dataset";
import { writeWhole } from "../runs/files";
import { readRun } from "../runs/reader";
import { writeReport } from "../runs/report";
import { allOrNone } from "../tensor/tensor";
import type { AnswerCache } from "../training/answer-cache";
import { comparisonArms } from "../training/compare";
import { evaluate } from "../training/evaluate";
import { train } from "../training/loop";
import { createStudent, expectSameClasses, loadNetwork, type TrainedNetwork } from "../training/network";
import { Trainer } from "../training/trainer";
import { ArmRun, type EarlierRun, expectFree, findEarlierRuns, type PlacedArm, returnTo } from "./arm-run";
import { recorded } from "./ending";
import type { Job } from "./job";
import { chooseNormalization } from "./normalization";
import { type NoticeBody, Notifier } from "./notices";
import { expectAbsent, expectWritable } from "./out-folder";

export interface TrainCall {
  recipe: Recipe;
  out: string;
  /** Resume the run in `out` from its last checkpoint. */
  resume: boolean;
  job: Job;
  /** Kept from call to call. */
  cache: AnswerCache;
  notify: (notice: NoticeBody) => void;
}

/** Trains the one arm that the recipe describes. */
export async function trainOne(call: TrainCall): Promise<TrainResult> {
  const { results } = await trainArms([{ name: "single", recipe: call.recipe, directory: call.out }], call);
  return results[0]!;
}

/** Trains the recipe's control and student, alternating by epoch, and writes comparison.json and report.html beside their folders. */
export async function compare(call: TrainCall): Promise<ComparisonResult> {
  const { recipe, out } = call;
  const files = { result: join(out, "comparison.json"), report: join(out, "report.html") };
  if (!call.resume) expectAbsent(Object.values(files));
  const arms = comparisonArms(recipe).map((arm) => ({ ...arm, directory: join(out, arm.name) }));
  const { results, teacherTestAcc } = await trainArms(arms, call);
  const [control, student] = results as [TrainResult, TrainResult];
  const report = writeReport({ runs: [control.directory, student.directory], format: "html", out: files.report });
  const result: ComparisonResult = {
    directory: out,
    seed: recipe.train.seed,
    teacher: { model: recipe.teacher!.model, testAcc: teacherTestAcc! },
    control,
    student,
    difference: student.testAcc - control.testAcc,
    ...verdictOf(readRun(control.directory), readRun(student.directory)),
    report,
  };
  writeWhole(files.result, `${JSON.stringify(result, null, 2)}\n`);
  return result;
}

function verdictOf(control: RunDetails, student: RunDetails): Pick<ComparisonResult, "controlled" | "tunedSeparately" | "differingSettings" | "provenTo"> {
  const comparison = compareEvidence(evidenceOf(control), evidenceOf(student));
  const { differingSettings, provenTo } = comparison;
  return {
    controlled: isControlled(comparison, { control: control.batches.length, student: student.batches.length }),
    tunedSeparately: differingSettings.length > 0,
    differingSettings,
    provenTo,
  };
}

/** Trains arms that share data, teacher and seed. */
async function trainArms(
  arms: readonly PlacedArm[],
  { out, resume, job, cache, notify }: TrainCall,
): Promise<{ results: TrainResult[]; teacherTestAcc: number | null }> {
  expectWritable(out);
  const earlier = resume ? findEarlierRuns(arms) : arms.map(expectFree);
  const notifier = new Notifier(notify);
  const phase = (text: string) => notifier.send({ type: "phase", text });
  // Released at the end, in reverse order.
  const owned: { release(): void }[] = [];
  const own = <T extends { release(): void }>(resource: T): T => {
    owned.push(resource);
    return resource;
  };
  const runs: ArmRun[] = [];
  job.onPause = () => {
    for (const run of runs) run.pause();
    notifier.send({ type: "state", state: "paused" });
  };
  job.onContinue = () => {
    for (const run of runs) run.continue();
    notifier.send({ type: "state", state: "running" });
  };
  try {
    const data = own(await readData(arms, job, phase));
    const normalization = chooseNormalization(arms[0]!.recipe.student, data, earlier);
    const teacher = loadTeacher(arms, data, normalization.teacher);
    if (teacher) own(teacher.model);
    const warnings = teacher ? [sizeWarning(teacher), teacher.assumption] : [];
    const trainers = arms.map(({ name: arm, recipe }) => {
      const start = () => {
        const student = createStudent({ ...recipe.student, ...normalization.student }, data.classes.length, recipe.train.seed);
        warnings.push(student.assumption);
        return new Trainer({ arm, recipe, data, student, teacher, cache });
      };
      return own(allOrNone(start));
    });
    // All arms before the first folder is written to: if one refuses, the other stays as it was.
    for (const [i, run] of earlier.entries()) if (run) returnTo(arms[i]!, trainers[i]!, run);
    await job.yieldPoint();
    const teacherTestAcc = earlier[0]?.teacherTestAcc ?? (teacher && (await testTeacher(teacher, data, arms[0]!.recipe, job, phase)));
    mkdirSync(out, { recursive: true });
    const results = await recorded(runs, async () => {
      for (const [i, trainer] of trainers.entries()) runs.push(open(arms[i]!, trainer, earlier[i]!, teacherTestAcc, notifier));
      for (const warning of new Set(warnings)) if (warning) runs.at(-1)!.warn(warning);
      if (normalization.note) runs.at(-1)!.note(normalization.note);
      return trainRuns(runs, job, notifier);
    });
    return { results, teacherTestAcc };
  } finally {
    for (const resource of owned.reverse()) resource.release();
  }
}

function open(arm: PlacedArm, trainer: Trainer, earlier: EarlierRun | null, teacherTestAcc: number | null, notifier: Notifier): ArmRun {
  return earlier ? ArmRun.resume(arm, trainer, earlier, notifier) : ArmRun.start(arm, trainer, teacherTestAcc, notifier);
}

async function trainRuns(runs: readonly ArmRun[], job: Job, notifier: Notifier): Promise<TrainResult[]> {
  const runOf = (trainer: Trainer) => runs.find((run) => run.trainer === trainer)!;
  await train(
    runs.map(({ trainer }) => trainer),
    {
      yieldPoint: job.yieldPoint,
      onBatch: (trainer, step, progress) => runOf(trainer).batch(step, progress),
      onTest: (trainer) => notifier.send({ type: "phase", text: `Testing on ${trainer.data.test.count} images` }),
      onEpoch: (trainer, record) => runOf(trainer).epoch(record),
    },
  );
  return runs.map((run) => run.finish());
}

async function readData(arms: readonly PlacedArm[], job: Job, phase: (text: string) => void): Promise<Dataset> {
  const { data, student } = arms[0]!.recipe;
  const sides = [student.imageSize, ...arms.flatMap(({ recipe }) => recipe.teacher?.imageSize ?? [])];
  phase("Reading the images");
  let told = performance.now();
  return openDataset(data, {
    storeSize: Math.max(...sides),
    onProgress: (done, total) => {
      job.checkStop();
      if (performance.now() - told < 500) return;
      told = performance.now();
      phase(`Reading the images: ${done} of ${total}`);
    },
  });
}

/** The teacher of the arms that distill; null if none does. */
function loadTeacher(arms: readonly PlacedArm[], data: Dataset, begun: Normalization | null): TrainedNetwork | null {
  const recipe = arms.map((arm) => arm.recipe).find(({ distillation }) => distillation);
  if (!recipe) return null;
  const teacher = loadNetwork({ ...recipe.teacher!, ...begun });
  try {
    expectSameClasses(teacher, data.classes, `the teacher (${recipe.teacher!.weights})`);
    return teacher;
  } catch (error) {
    teacher.model.release();
    throw error;
  }
}

/** Soft labels of images at an unfamiliar size can be nearly uniform, and nothing else would show it. */
function sizeWarning({ model, trainedAt }: TrainedNetwork): string | null {
  if (trainedAt === null || trainedAt === model.imageSize) return null;
  return `the teacher was trained on images of ${trainedAt} px and sees images of ${model.imageSize} px here; its soft labels may be nearly uniform: set teacher.imageSize to ${trainedAt}`;
}

async function testTeacher(teacher: TrainedNetwork, data: Dataset, { train }: Recipe, job: Job, phase: (text: string) => void): Promise<number> {
  phase(`Testing the teacher on ${data.test.count} images`);
  const { accuracy } = await evaluate(teacher, data.test, { batchSize: train.batchSize, precision: train.precision, yieldPoint: job.yieldPoint });
  return accuracy;
}
