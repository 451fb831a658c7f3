/** What the predictions of a comparison's arms say: figures of each, and how sure their difference is over test images. */
import { dirname } from "node:path";
import type { ComparedArm } from "../contract/arms";
import { calibration, divergence, type Judged, judge, mostLikely } from "../contract/classification";
import { summarize } from "../contract/comparison";
import { compareEvidence, isControlled } from "../contract/evidence";
import { InputError } from "../contract/failure";
import type { AnswerFigures, ArmFigures, Compared, ProvenSummary, RunSummary, SeedDifference, Yardstick } from "../contract/run";
import { bootstrapInterval, mean } from "../contract/statistics";
import type { InTurns } from "../contract/turns";
import { type RunProof, readProof } from "./course";
import { type Predictions, predictionFiles, readPredictionsInTurns } from "./predictions";
import { runFolders, SWEEP_DEPTH } from "./reader";

/** A finished arm, whose last epoch was tested. */
interface Arm extends Pick<RunSummary, "directory" | "seconds"> {
  trainAcc: number;
  testAcc: number;
}

/**
 * The comparison of one seed in the folder `directory`. What predictions would say is null where they are missing, as in runs of earlier versions, and
 * where they cannot be read; `damage` says why they cannot.
 */
export function* figuresOf(
  directory: string,
  seed: number,
  arms: { control: Arm; student: Arm; sameImages: Arm | null },
): InTurns<Compared & { damage: string | null }> {
  const damage: string[] = [];
  const predictionsIn = (path: string) => readableOrNull(path, (problem) => damage.push(problem));
  const teacher = yield* predictionsIn(predictionFiles(directory).teacher);
  function* answersOf(arm: Arm): InTurns<ArmAnswers> {
    const answers = yield* predictionsIn(predictionFiles(arm.directory).last);
    return { answers, figures: { trainAcc: arm.trainAcc, testAcc: arm.testAcc, ...(yield* answerFigures(answers, teacher)) } };
  }
  const [control, student] = [yield* answersOf(arms.control), yield* answersOf(arms.student)];
  const sameImages = arms.sameImages && (yield* answersOf(arms.sameImages));
  return {
    seed,
    control: control.figures,
    student: student.figures,
    sameImages: sameImages && {
      ...sameImages.figures,
      teacherAdds: yield* differenceOf(sameImages, control),
      imagesAdd: yield* differenceOf(student, sameImages),
    },
    ...(yield* differenceOf(student, control)),
    seconds: Object.values(arms).reduce((sum, arm) => sum + (arm?.seconds ?? 0), 0),
    testImages: bothAnswered(student, control) ? student.answers!.images.length : null,
    yardstick: student.answers && yardstickOf(student.answers, teacher),
    damage: damage.length > 0 ? damage.join("; ") : null,
  };
}

function yardstickOf(answers: Predictions, teacher: Predictions | null): Yardstick {
  const counts = answers.classes.map((_, label) => answers.labels.filter((own) => own === label).length);
  const right = teacher && isOfSameImages(teacher, answers) ? judged(teacher).map(({ rank }): number => (rank === 0 ? 1 : 0)) : null;
  return { oneAnswer: Math.max(...counts) / answers.labels.length, teacher: right && mean(right) };
}

interface ArmAnswers {
  answers: Predictions | null;
  figures: ArmFigures;
}

function* answerFigures(answers: Predictions | null, teacher: Predictions | null): InTurns<AnswerFigures> {
  if (!answers) return { agreement: null, divergence: null, calibrationError: null };
  const calibrationError = calibration(judged(answers)).error;
  if (!teacher || !isOfSameImages(teacher, answers)) return { agreement: null, divergence: null, calibrationError };
  yield;
  const rows = answers.images.map((_, n) => [rowOf(teacher, n), rowOf(answers, n)] as const);
  return {
    agreement: mean(rows.map(([its, own]) => (mostLikely(its) === mostLikely(own) ? 1 : 0))),
    divergence: mean(rows.map(([its, own]) => divergence(its, own))),
    calibrationError,
  };
}

/** How much better an arm is than another. Its interval counts by image: 1 if only this arm has it right, -1 if only the other has. */
function* differenceOf(arm: ArmAnswers, other: ArmAnswers): InTurns<SeedDifference> {
  const difference = arm.figures.testAcc - other.figures.testAcc;
  if (!bothAnswered(arm, other)) return { difference, interval: null };
  const [own, its] = [arm, other].map(({ answers }) => judged(answers!).map(({ rank }) => (rank === 0 ? 1 : 0)));
  return { difference, interval: yield* bootstrapInterval(own!.map((right, n) => right - its![n]!)) };
}

const bothAnswered = (a: ArmAnswers, b: ArmAnswers): boolean => a.answers !== null && b.answers !== null && isOfSameImages(a.answers, b.answers);

const judged = (answers: Predictions): Judged[] => answers.images.map((_, n) => judge(answers.labels[n]!, rowOf(answers, n)));

const rowOf = ({ classes, probabilities }: Predictions, n: number): Float64Array => probabilities.subarray(n * classes.length, (n + 1) * classes.length);

function isOfSameImages(a: Predictions, b: Predictions): boolean {
  return a.classes.join() === b.classes.join() && a.images.length === b.images.length && a.images.every((image, n) => image === b.images[n]);
}

/** The run is whole without them. */
function* readableOrNull(path: string, onDamage: (problem: string) => void): InTurns<Predictions | null> {
  try {
    return yield* readPredictionsInTurns(path);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    onDamage(error.message);
    return null;
  }
}

/** `damage`: why there are fewer figures than there should be. */
export interface ComparedInFolder extends Compared {
  controlled: boolean;
  damage: string | null;
}

/** Figures of the comparison in a folder; null unless control and student are finished, were trained as long, and can be compared. */
export function* comparedIn(directory: string, runs: readonly RunProof[]): InTurns<ComparedInFolder | null> {
  const finished = (arm: ComparedArm) => runs.filter(isFinished).find((run) => run.arm === arm) ?? null;
  const [control, sameImages, student] = [finished("control"), finished("same-images"), finished("student")];
  if (!control || !student || !isComparable(control, student)) return null;
  const between = sameImages && isComparable(control, sameImages) ? sameImages : null;
  const figures = yield* figuresOf(directory, student.recipe.train.seed, { control, student, sameImages: between });
  return { ...figures, controlled: isProven(control, student) };
}

const isProven = ({ evidence: control }: RunProof, { evidence: student }: RunProof): boolean =>
  isControlled(compareEvidence(control, student), { control: control.chain.length, student: student.chain.length });

/** And tested after its last epoch. */
function isFinished(run: RunProof): run is RunProof & { trainAcc: number; testAcc: number } {
  return run.state === "finished" && run.trainAcc !== null && run.epochRecords.at(-1)?.testAcc != null;
}

function isComparable(control: RunProof, taught: RunProof): boolean {
  const { notComparable, damage } = compareEvidence(control.evidence, taught.evidence);
  return control.epochsDone === taught.epochsDone && !notComparable && !damage;
}

/** Means over the finished comparisons in the folder of a comparison or a sweep; null if there are none. */
export function* summaryIn(directory: string): InTurns<ProvenSummary | null> {
  const folders = new Map<string, string[]>();
  for (const run of runFolders(directory, SWEEP_DEPTH)) folders.set(dirname(run), [...(folders.get(dirname(run)) ?? []), run]);
  const compared: ComparedInFolder[] = [];
  for (const [folder, arms] of folders) {
    const runs: RunProof[] = [];
    for (const arm of arms) runs.push(yield* readProof(arm));
    const figures = yield* comparedIn(folder, runs);
    if (figures) compared.push(figures);
  }
  if (compared.length === 0) return null;
  return { ...summarize(compared.sort((a, b) => a.seed - b.seed)), controlled: compared.every(({ controlled }) => controlled) };
}
