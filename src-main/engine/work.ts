import { existsSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { machineOf, useDevice } from "../backend/device";
import { type Arithmetic, type ArithmeticChoice, chooseArithmetic, type Machine, recordedArithmetic, resolveArithmetic } from "../contract/arithmetic";
import type { ComparedArm } from "../contract/arms";
import { summarize } from "../contract/comparison";
import { compareEvidence, verdictOf } from "../contract/evidence";
import { InputError, Interrupted, toFailure } from "../contract/failure";
import type { NoticeBody } from "../contract/notices";
import type { Recipe, ResolvedRecipe } from "../contract/recipe";
import { teachersOf, weightsIn, withWeightsAt } from "../contract/recipe-values";
import type { ComparisonResult, SameImagesSummary, TestedTeacher, TrainResult, Verdict } from "../contract/run";
import { byTurns } from "../contract/turns";
import { need } from "../data/batches";
import type { Dataset } from "../data/dataset";
import { leftOutFile } from "../data/folder/left-out";
import { openDataset } from "../data/open-dataset";
import { makeFolder } from "../disk/make-folder";
import { writeWhole } from "../disk/write-whole";
import type { Origin } from "../models/origin";
import { writeComparison } from "../runs/comparison";
import { readProof } from "../runs/course";
import { type Examples, keepExamples } from "../runs/examples";
import { figuresOf } from "../runs/figures";
import { runFiles } from "../runs/files";
import { writeLeftOut } from "../runs/left-out";
import { predictionFiles, writePredictions } from "../runs/predictions";
import { writeReport } from "../runs/report";
import { allOrNone, backend } from "../tensor/tensor";
import type { AnswerCache } from "../training/answer-cache";
import { type Arm, comparisonArms } from "../training/compare";
import { type Evaluation, evaluate, isKeepable, probabilitiesOf } from "../training/evaluate";
import { askedImages } from "../training/expect-numbers";
import { examplesOf, train } from "../training/loop";
import type { TrainedNetwork } from "../training/network";
import type { TeacherStatistics } from "../training/objectives/objective";
import { createStudent } from "../training/student";
import { measureTeacher } from "../training/teacher-statistics";
import { Trainer } from "../training/trainer";
import { ArmRun, type OriginatedArm, predictionsOf } from "./arm-run";
import { fetchNamed } from "./hub";
import { MachineSampler } from "./machine-sampler";
import { chooseNormalization } from "./normalization";
import { learnedBy, originFrom } from "./origins";
import { expectAbsent, expectWritable } from "./out-folder";
import { picturesOf } from "./pictures";
import { isInterruption, refusalOf, withRemedy } from "./refusal";
import { type EarlierRun, expectFree, findEarlierRuns, type PlacedArm, returnTo } from "./resumption";
import { saidAtStart } from "./start-notes";
import { loadOtherTeachers, loadTeacher, seenByTeachers, sizeWarning } from "./teachers";

/** What to train, and where: a comparison, or the one arm that the recipe describes, perhaps as a trial of a search, which says what concerns all trials. */
export interface Assignment {
  kind: "train" | "compare" | "trial";
  recipe: Recipe;
  /** The arithmetic in which the run, or the sweep that it belongs to, began; null: to be chosen now. */
  choice: ArithmeticChoice | null;
  out: string;
  /** Those to train of a comparison. */
  arms: readonly ComparedArm[];
  /** Resume the run in `out` from its last checkpoint. */
  resume: boolean;
  /** By folder, the identity of the lock under which it is written to. */
  locks: ReadonlyMap<string, string>;
}

export type Order = "pause" | "continue" | "stop" | "checkpoint";

/** Not 0 from the moment in which the work has to stop: the ops of this thread are cut short then. Another thread may set it. */
export type StopFlag = Int32Array;

/**
 * The training of one assignment, in whichever thread it runs. Orders other than stop take effect between batches. However it ends, each run
 * folder says so.
 */
export class Work {
  readonly #runs: ArmRun[] = [];
  /** Released at the end, in reverse order. */
  readonly #owned: { release(): void }[] = [];
  readonly #stopping = new AbortController();
  #rest: { end: () => void } | null = null;
  #isPaused = false;
  /** Bytes of images that a GPU may hold: the rest of its memory is for training. */
  #mostOnDevice: number | undefined;
  /** What is to be said of the images, once there is a run that keeps it. */
  readonly #dataNotes: string[] = [];
  #isCheckpointDue = false;
  readonly #sampler = new MachineSampler();

  constructor(
    private readonly assignment: Assignment,
    private readonly notify: (notice: NoticeBody) => void,
    private readonly stop: StopFlag,
    /** Kept from work to work. */
    private readonly cache: AnswerCache,
  ) {}

  order(order: Order): void {
    if (order === "checkpoint") this.#isCheckpointDue = true;
    else this.#isPaused = order === "pause";
    if (order === "stop") {
      Atomics.store(this.stop, 0, 1);
      this.#stopping.abort();
    }
    if (!this.#isPaused) this.#rest?.end();
  }

  /** Throws Interrupted, with a checkpoint written, if it was stopped. */
  async run(): Promise<TrainResult | ComparisonResult> {
    const { kind, recipe } = this.assignment;
    const gpu = useDevice(backend(), recipe.device);
    if (gpu) this.#mostOnDevice = gpu.freeBytes / 2;
    const arithmetic = this.#startOn(machineOf(backend(), gpu));
    backend().stopOn(this.stop);
    try {
      return await (kind === "compare" ? this.#compare(arithmetic) : this.#trainOne(arithmetic));
    } finally {
      backend().stopOn(null);
    }
  }

  /** Decides in what arithmetic all arms compute. */
  #startOn(machine: Machine): Arithmetic {
    const { choice, recipe } = this.assignment;
    const arithmetic = { ...(choice ?? chooseArithmetic(machine, recipe.train.bf16Products)), machine };
    backend().selectBf16Products(arithmetic.bf16Products);
    return arithmetic;
  }

  async #trainOne(arithmetic: Arithmetic): Promise<TrainResult> {
    const { recipe, out } = this.assignment;
    const { results } = await this.#trainArms([{ name: "single", recipe, directory: out }], arithmetic);
    return results[0]!;
  }

  /** Trains the arms of the recipe, alternating by epoch, and writes comparison.json and report.html beside their folders. */
  async #compare(arithmetic: Arithmetic): Promise<ComparisonResult> {
    const { recipe, out, resume } = this.assignment;
    const { predictions, leftOut } = runFiles(out);
    const files = { result: join(out, "comparison.json"), report: join(out, "report.html"), predictions, leftOut };
    if (!resume) expectAbsent(Object.values(files));
    const arms = comparisonArms(recipe).filter(({ name }) => this.assignment.arms.includes(name));
    const { results, teacherTestAcc, seen } = await this.#trainArms(
      arms.map((arm) => ({ ...arm, directory: join(out, arm.name) })),
      arithmetic,
    );
    const resultOf = (arm: ComparedArm) => results.find((result) => result.arm === arm) ?? null;
    const [control, sameImages, student] = [resultOf("control")!, resultOf("same-images"), resultOf("student")!];
    const report = await byTurns(
      writeReport({ runs: results.map(({ directory }) => directory), format: "html", out: files.report }, { write: writeWhole }),
      nextTurn,
    );
    const { damage, ...compared } = await byTurns(figuresOf(out, recipe.train.seed, { control, student, sameImages }), nextTurn);
    if (damage) this.notify({ type: "warning", text: `figures that need predictions are missing: ${damage}` });
    const summary = summarize([compared]);
    const result: ComparisonResult = {
      directory: out,
      seed: recipe.train.seed,
      teacher: { model: recipe.teacher!.model, precision: resolveArithmetic(recipe, arithmetic).train.precision, testAcc: teacherTestAcc!, seen },
      ...summary,
      control: { ...control, ...summary.control },
      student: { ...student, ...summary.student },
      sameImages: sameImages && sameImagesResult(sameImages, summary.sameImages!, await verdictIn(control, sameImages)),
      ...(await verdictIn(control, student)),
      report,
    };
    writeComparison(out, result);
    return result;
  }

  /** Trains arms that share data, teacher and seed. */
  async #trainArms(
    asked: readonly (Arm & { directory: string })[],
    arithmetic: Arithmetic,
  ): Promise<{ results: TrainResult[]; teacherTestAcc: number | null } & Pick<TestedTeacher, "seen">> {
    const { out, resume, locks } = this.assignment;
    expectWritable(out);
    const arms = asked.map((arm): PlacedArm => ({ ...arm, recipe: resolveArithmetic(arm.recipe, arithmetic) }));
    const earlier = resume ? findEarlierRuns(out, arms) : arms.map(expectFree);
    try {
      const weights = await fetchNamed(
        arms.flatMap(({ recipe }) => weightsIn(recipe)),
        this.notify,
        this.#stopping.signal,
      );
      const local = arms.map((arm): PlacedArm => ({ ...arm, recipe: withWeightsAt(arm.recipe, weights) }));
      const data = this.#own(await this.#readData(arms));
      expectCropFits(arms[0]!.recipe, data);
      const normalization = await chooseNormalization(arms[0]!.recipe.student, data, earlier);
      await need(data.train, askedImages(data));
      const teacher = loadTeacher(local, data, normalization.teacher);
      if (teacher) this.#own(teacher.model);
      const others = loadOtherTeachers(local, data);
      for (const { network } of others) this.#own(network.model);
      const statistics = new Map<PlacedArm, TeacherStatistics>();
      for (const [i, arm] of arms.entries()) if (isMeasuringDue(arm, earlier[i]!)) statistics.set(arm, await this.#measureTeacher(teacher!, data, arm));
      const warnings = [...(teacher ? [teacher] : []), ...others.map(({ network }) => network)].flatMap((network) => [
        sizeWarning(network),
        network.assumption,
      ]);
      const notes = new Set([...weights.notes, ...(teacher?.notes ?? []), ...others.flatMap(({ network }) => network.notes)]);
      const begun = new Map<PlacedArm, Origin | null>();
      const trainers = arms.map((placed, i) => {
        const { name: arm, recipe, own } = placed;
        const start = () => {
          const student = createStudent({ ...local[i]!.recipe.student, ...normalization.student }, data.classes, recipe.train.seed);
          begun.set(placed, student.origin);
          warnings.push(student.assumption);
          for (const note of student.notes) notes.add(note);
          return new Trainer({ arm, recipe, own, data, student, teacher, otherTeachers: others, statistics: statistics.get(placed), cache: this.cache });
        };
        return this.#own(allOrNone(start));
      });
      // All arms before the first folder is written to: if one refuses, the other stays as it was.
      for (const [i, run] of earlier.entries()) if (run) returnTo(arms[i]!, trainers[i]!, run);
      await this.#yieldPoint();
      const test = teacher && this.#isTeacherTestDue(teacher, data, earlier) ? await this.#testTeacher(teacher, data, arms[0]!.recipe) : null;
      const teacherTestAcc = earlier[0]?.teacherTestAcc ?? test?.accuracy ?? null;
      const seen = earlier[0]?.header.seen ?? (await seenByTeachers(teacher, others, data, test, this.#stopping.signal));
      const examples = this.assignment.kind === "trial" ? null : await this.#answerExamples(teacher, data, arms[0]!.recipe);
      const originated = await this.#withOrigins(arms, data, begun);
      makeFolder(out);
      const results = await this.#recorded(async () => {
        for (const [i, trainer] of trainers.entries()) {
          const [arm, before] = [originated[i]!, earlier[i]];
          const lock = locks.get(arm.directory)!;
          this.#runs.push(
            before
              ? ArmRun.resume(arm, lock, trainer, before, this.notify)
              : ArmRun.start(arm, lock, trainer, { arithmetic: recordedArithmetic(asked[i]!.recipe, arithmetic), teacherTestAcc, seen }, this.notify),
          );
        }
        if (data.leftOut.length > 0) writeLeftOut(runFiles(out).leftOut, data.leftOut.map(leftOutFile));
        if (test?.probabilities) writePredictions(predictionFiles(out).teacher, predictionsOf(data, test.probabilities));
        if (examples) keepExamples(out, examples);
        const start = {
          ...this.assignment,
          asked,
          arms,
          arithmetic,
          earlier,
          data,
          dataNotes: this.#dataNotes.splice(0),
          normalization,
          others,
          warnings,
          notes,
          seen,
        };
        for (const said of saidAtStart(start)) this.#runs.at(-1)!.say(said);
        return this.#trainRuns();
      });
      return { results, teacherTestAcc, seen };
    } finally {
      for (const resource of this.#owned.splice(0).reverse()) resource.release();
    }
  }

  async #trainRuns(): Promise<TrainResult[]> {
    const runOf = (trainer: Trainer) => this.#runs.find((run) => run.trainer === trainer)!;
    await train(
      this.#runs.map(({ trainer }) => trainer),
      {
        yieldPoint: this.#yieldPoint,
        onBatch: (trainer, step, progress) => runOf(trainer).batch(step, progress),
        onTest: (_, images, split) => this.#phase(`Testing on ${images} ${split === "test" ? "" : "validation "}images`),
        onEpoch: (trainer, record, answers) => runOf(trainer).epoch(record, answers),
      },
    );
    return this.#runs.map((run) => run.finish());
  }

  async #readData(arms: readonly PlacedArm[]): Promise<Dataset> {
    const { data, student, train } = arms[0]!.recipe;
    const sides = [student.imageSize, ...arms.flatMap(({ recipe }) => teachersOf(recipe)).map(({ imageSize }) => imageSize)];
    this.#phase("Reading the images");
    let told = performance.now();
    return openDataset(data, {
      storeSize: Math.max(...sides),
      seed: train.seed,
      signal: this.#stopping.signal,
      onNote: this.#noteData,
      mostOnDevice: this.#mostOnDevice,
      onProgress: (done, total) => {
        this.#expectGoing();
        if (performance.now() - told < 500) return;
        told = performance.now();
        this.#phase(`Reading the images: ${done} of ${total}`);
      },
    });
  }

  #noteData = (text: string): void => {
    if (this.#runs.length === 0) this.#dataNotes.push(text);
    else this.#runs.at(-1)!.note(text);
  };

  /** What an arm's objectives need to know of the teacher. */
  async #measureTeacher(teacher: TrainedNetwork, data: Dataset, { recipe }: PlacedArm): Promise<TeacherStatistics> {
    const onStart = (images: number) => this.#phase(`Measuring the teacher's features on ${images} images`);
    return measureTeacher(teacher, data, recipe, { yieldPoint: this.#yieldPoint, onStart });
  }

  /** `begun`: of the weights that an arm starts from. The trials of a search are no networks to keep. */
  async #withOrigins(arms: readonly PlacedArm[], data: Dataset, begun: ReadonlyMap<PlacedArm, Origin | null>): Promise<OriginatedArm[]> {
    const originated: OriginatedArm[] = [];
    for (const arm of arms) {
      const learned = this.assignment.kind === "trial" ? null : await learnedBy(arm.recipe, data, this.#stopping.signal);
      originated.push({ ...arm, origin: learned && originFrom(learned, begun.get(arm) ?? null) });
    }
    return originated;
  }

  /** Unless an earlier start tested it and kept its predictions. */
  #isTeacherTestDue({ model }: TrainedNetwork, { test }: Dataset, earlier: readonly (EarlierRun | null)[]): boolean {
    const isKept = existsSync(predictionFiles(this.assignment.out).teacher) || !isKeepable(test, model.classes);
    return this.assignment.kind !== "trial" && (earlier[0]?.teacherTestAcc == null || !isKept);
  }

  async #testTeacher(teacher: TrainedNetwork, data: Dataset, { train: { batchSize, precision } }: ResolvedRecipe): Promise<Evaluation> {
    this.#phase(`Testing the teacher on ${data.test.count} images`);
    return evaluate(teacher, data.test, { batchSize, precision, keep: true, yieldPoint: this.#yieldPoint });
  }

  /** What is kept of the few test images before anything is trained. */
  async #answerExamples(teacher: TrainedNetwork | null, data: Dataset, { student, train }: ResolvedRecipe): Promise<Examples> {
    const indices = examplesOf(data.test);
    await need(data.test, indices);
    const side = Math.min(student.imageSize, Math.max(data.test.H, data.test.W));
    const answers = teacher && (await probabilitiesOf(teacher, data.test, indices, train.precision));
    return { pictures: await picturesOf(data.test, { indices, views: null }, side), teacher: answers && predictionsOf(data, answers, indices) };
  }

  // ---- Orders and ends ----------------------------------------------------------------------------------------------------------------

  /** Lets orders in, looks at the machine, writes a checkpoint that is due, and waits while paused. Throws Interrupted if the work has to stop. */
  #yieldPoint = async (): Promise<void> => {
    await nextTurn();
    this.#expectGoing();
    const sample = this.#sampler.sampleIfDue();
    if (sample) this.notify({ type: "machine", sample });
    if (this.#isCheckpointDue) for (const run of this.#runs) run.checkpoint();
    this.#isCheckpointDue = false;
    if (!this.#isPaused) return;
    for (const run of this.#runs) run.pause();
    this.notify({ type: "state", state: "paused" });
    await new Promise<void>((resolve) => {
      this.#rest = { end: resolve };
    });
    this.#rest = null;
    this.#expectGoing();
    for (const run of this.#runs) run.continue();
    this.notify({ type: "state", state: "running" });
  };

  #expectGoing(): void {
    if (Atomics.load(this.stop, 0) !== 0) throw new Interrupted("stopped on request");
  }

  /** However the work ends, each run's folder says so and is closed. */
  async #recorded<R>(work: () => Promise<R>): Promise<R> {
    try {
      return await work();
    } catch (error) {
      throw this.#endEach(error);
    } finally {
      for (const run of this.#runs) run.close();
    }
  }

  /** Returns the error that the work fails with: a stop whose checkpoint cannot be written is a failure. */
  #endEach(error: unknown): unknown {
    let cause = isInterruption(error) ? new Interrupted("stopped on request") : error;
    for (const run of this.#runs) {
      if (cause instanceof Interrupted) cause = refusalOf(() => run.stop()) ?? cause;
      if (!(cause instanceof Interrupted)) refusalOf(() => run.fail(toFailure(cause).message));
    }
    const hasCheckpoint = this.#runs.some((run) => run.hasCheckpoint);
    return this.#runs.length === 0 ? cause : withRemedy(cause, hasCheckpoint);
  }

  #phase(text: string): void {
    this.notify({ type: "phase", text });
  }

  #own<T extends { release(): void }>(resource: T): T {
    this.#owned.push(resource);
    return resource;
  }
}

/** Of finished arms. */
async function verdictIn(...arms: [control: TrainResult, student: TrainResult]): Promise<Verdict> {
  const evidenceIn = async ({ directory }: TrainResult) => (await byTurns(readProof(directory), nextTurn)).evidence;
  const [control, student] = [await evidenceIn(arms[0]), await evidenceIn(arms[1])];
  return verdictOf(compareEvidence(control, student), { control: control.chain.length, student: student.chain.length });
}

function sameImagesResult(result: TrainResult, summary: SameImagesSummary, verdict: Verdict): ComparisonResult["sameImages"] {
  return { ...result, ...summary, teacherAdds: { ...summary.teacherAdds, ...verdict } };
}

/** A crop moves an image by up to so many pixels: by its whole side, nothing of it is left. */
function expectCropFits({ augment: { crop } }: Recipe, { train: { H, W } }: Dataset): void {
  const side = Math.min(H, W);
  if (crop >= side) throw new InputError(`augment.crop: expected less than the side of these images, ${side} pixels, got ${crop}`);
}

/** Whether an arm needs to know its teacher: a checkpoint has what it needs. */
const isMeasuringDue = ({ recipe }: PlacedArm, earlier: EarlierRun | null): boolean => recipe.distillation !== null && !earlier?.checkpoint;
