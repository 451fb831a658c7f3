import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import type { Answer, Method, Methods } from "../../src-main/contract/engine";
import type { Failure } from "../../src-main/contract/failure";
import type { Notice } from "../../src-main/contract/notices";
import type { ComparisonResult, RunResult, TrainResult } from "../../src-main/contract/run";
import type { ClientChannel } from "../../src-main/engine/channel";
import { Engine } from "../../src-main/engine/engine";
import { SameThread } from "../../src-main/engine/trainer-thread";
import { createModel } from "../../src-main/models/registry";
import { saveWeights } from "../../src-main/models/weights";
import { readRun } from "../../src-main/runs/reader";
import { backend, useBackend } from "../../src-main/tensor/tensor";
import { CIFAR10_CLASSES, experimentFolder, forgetCheckpoint, isOfFewImages, smallRecipe, trainInto } from "./experiment";

/** An engine in this process, with its messages as a list. It trains in this thread too. */
class Conversation {
  readonly notices: Notice[] = [];
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #hear: (message: unknown) => void = () => {};
  #lastId = 0;
  onNotice: (notice: Notice) => void = () => {};
  readonly engine = new Engine("command line", new SameThread());
  /** The run that was started last. */
  run = "";

  constructor() {
    const channel: ClientChannel = {
      post: (message) => {
        if ("type" in message) {
          this.notices.push(message);
          this.onNotice(message);
        } else this.#waiting.get(message.id)!(message);
      },
      onMessage: (listener) => {
        this.#hear = listener;
      },
      onClose: () => {},
    };
    this.engine.serve(channel, "terminal");
  }

  ask(method: string, params: unknown): Promise<Answer> {
    const id = ++this.#lastId;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.#hear({ id, method, params });
    });
  }

  async call<M extends Method>(method: M, params: Methods[M]["params"]): Promise<Methods[M]["result"]> {
    const answer = await this.ask(method, params);
    if (!answer.ok) throw Object.assign(new Error(answer.error.message), answer.error);
    return answer.result as Methods[M]["result"];
  }

  async failure(method: string, params: unknown): Promise<Failure> {
    const answer = await this.ask(method, params);
    if (answer.ok) throw new Error(`${method} answered ${JSON.stringify(answer.result)}`);
    return answer.error;
  }

  /** Starts a run and follows it to its end. */
  async train(request: TrainingOf<"train">): Promise<TrainResult>;
  async train(request: TrainingOf<"compare">): Promise<ComparisonResult>;
  async train(request: Methods["start"]["params"]): Promise<RunResult> {
    this.run = (await this.call("start", request)).run;
    return this.call("watch", { run: this.run, from: 0 });
  }

  async trainingFailure(request: Methods["start"]["params"]): Promise<Failure> {
    const answer = await this.ask("start", request);
    if (!answer.ok) return answer.error;
    this.run = (answer.result as { run: string }).run;
    return this.failure("watch", { run: this.run, from: 0 });
  }

  control(action: Methods["control"]["params"]["action"]) {
    return this.call("control", { run: this.run, action });
  }

  /** Acts when the n-th batch of training has been reported. */
  afterBatch(n: number, act: () => void): void {
    let batches = 0;
    this.onNotice = (notice) => {
      if (notice.type !== "batches") return;
      const before = batches;
      batches += notice.records.length;
      if (before < n && batches >= n) act();
    };
  }
}

type TrainingOf<Kind extends "train" | "compare"> = Methods["start"]["params"] & { kind: Kind };

let folder: ReturnType<typeof experimentFolder>;
beforeAll(() => {
  useBackend(loadAddon());
  folder = experimentFolder();
});
afterAll(() => folder.remove());

const fresh = () => new Conversation();
const recipe = (train = {}) => smallRecipe(folder.teacher, train);
const single = (train = {}) => ({ ...recipe(train), distillation: null, teacher: null });
/** What must not differ between two runs of a recipe. */
const lasting = ({ trainAcc, testAcc, testLoss, hashes }: TrainResult) => ({ trainAcc, testAcc, testLoss, hashes });
const weightsOf = (directory: string) =>
  createHash("sha256")
    .update(readFileSync(`${directory}/student.safetensors`))
    .digest("hex");

describe("what the engine reports about itself", () => {
  test("hello, doctor, models", async () => {
    const engine = fresh();
    expect(await engine.call("hello", { protocol: 2 })).toMatchObject({ protocol: 2, version: expect.stringMatching(/^\d+\.\d+\.\d+/) });
    const { cpu, backends, bundled } = await engine.call("doctor", {});
    expect(cpu.isas).toContain(cpu.isa);
    expect(backends.map(({ name, available }) => [name, available])).toEqual([
      ["cpu", true],
      ["cuda", false],
    ]);
    expect(backends.every(({ reason }) => reason.length > 10)).toBe(true);
    expect(bundled.data).toContain("cifar-10-batches-bin");
    expect((await engine.call("models", {})).map(({ name }) => name)).toContain("resnet18_cifar10");
  });

  test.each([
    ["a method that does not exist", "trane", {}, /no method "trane"/],
    ["a method of Object's", "constructor", {}, /no method/],
    ["a parameter that does not exist", "doctor", { verbose: true }, /doctor.*verbose/],
    ["a missing parameter", "listRuns", {}, /listRuns: directory/],
    ["a recipe with an unknown key", "start", { kind: "train", recipe: { ...smallRecipe("x"), trian: {} }, out: "x", resume: false }, /trian.*train/],
    ["no recipe", "start", { kind: "train", out: "x", resume: false }, /recipe/],
  ])("%s is wrong usage", async (_, method, params, message) => {
    const failure = await fresh().failure(method, params);
    expect(failure.code).toBe("USAGE");
    expect(failure.message).toMatch(message);
  });
});

describe("training", () => {
  test("one arm leaves a complete run folder", async () => {
    const engine = fresh();
    const out = folder.path("single");
    const result = await engine.train({ kind: "train", recipe: single(), out, resume: false });
    const run = readRun(out);
    expect(run).toMatchObject({ arm: "single", state: "finished", epochsDone: 2, hashes: result.hashes, classes: CIFAR10_CLASSES, parameters: 272_474 });
    expect(run.batches.map(({ epoch, iter }) => [epoch, iter])).toEqual([1, 2].flatMap((epoch) => [1, 2, 3].map((iter) => [epoch, iter])));
    expect(run.epochRecords.map(({ testAcc }) => testAcc)).toEqual([expect.any(Number), result.testAcc]);
    expect(result).toMatchObject({ directory: out, epochs: 2, trainAcc: run.trainAcc, testAcc: run.testAcc });

    const reported = engine.notices.flatMap((notice) => (notice.type === "batches" ? notice.records : []));
    // A control has the column of soft labels too, with zeros.
    expect(reported.map((record) => ({ ...record, parts: { ...record.parts, kd: 0 } }))).toEqual(run.batches);
    expect(engine.notices.find(({ type }) => type === "started")).toMatchObject({ arm: "single", batchesPerEpoch: 3, epochs: 2, directory: out });
    expect(await engine.call("evaluate", evaluation(`${out}/student.safetensors`))).toMatchObject({ images: 1000 });
  });

  test("a comparison writes both arms, the report and the proof that it was controlled", async () => {
    const engine = fresh();
    const out = folder.path("comparison");
    const result = await engine.train({ kind: "compare", recipe: recipe(), out, resume: false });
    expect(result.controlled).toBe(true);
    expect(result.control.hashes).toMatchObject({
      initialWeights: result.student.hashes.initialWeights,
      batches: result.student.hashes.batches,
      teacher: null,
    });
    expect(result.student.hashes.teacher).toMatch(/^[0-9a-f]{64}$/);
    expect(result.difference).toBeCloseTo(result.student.testAcc - result.control.testAcc, 12);
    expect(result.teacher).toMatchObject({ model: "resnet20_cifar10" });
    expect(readFileSync(result.report, "utf8")).toContain("<html");
    const relative = {
      directory: ".",
      report: "report.html",
      control: { ...result.control, directory: "control" },
      student: { ...result.student, directory: "student" },
    };
    expect(JSON.parse(readFileSync(`${out}/comparison.json`, "utf8"))).toEqual({ ...result, ...relative });
    for (const arm of ["control", "student"])
      expect(readRun(`${out}/${arm}`)).toMatchObject({ arm, state: "finished", teacherTestAcc: result.teacher.testAcc });
    expect(readRun(`${out}/control`).batches.every(({ parts }) => parts.kd === 0)).toBe(true);
    expect(readRun(`${out}/student`).batches.every(({ parts }) => parts.kd! > 0)).toBe(true);
  });

  test("the teacher's cached answers serve later runs too, with the same result", async () => {
    const engine = fresh();
    const run = (name: string, cacheTeacher: boolean) =>
      engine.train({
        kind: "compare",
        recipe: { ...recipe(), distillation: { ...recipe().distillation!, cacheTeacher } },
        out: folder.path(name),
        resume: false,
      });
    const [first, second, asking] = [await run("to-remember", true), await run("remembering", true), await run("asking", false)];
    for (const { student } of [second, asking]) expect(student).toMatchObject({ testLoss: first.student.testLoss, hashes: first.student.hashes });
    const finished = (name: string, arm: string) => readRun(folder.path(name, arm)).events.find(({ type }) => type === "finished")!.text;
    expect(finished("remembering", "student")).toBe("teacher's answers: 0 computed, 40 from the cache");
    expect(finished("asking", "student")).toBe("teacher's answers: 40 computed, 0 from the cache");
    expect(finished("remembering", "control")).toBeUndefined();
  });

  test("a teacher at another size than it was trained at causes a warning, also in the run", async () => {
    const engine = fresh();
    const out = folder.path("unfamiliar");
    await engine.train({ kind: "compare", recipe: { ...recipe({ epochs: 1 }), teacher: { ...recipe().teacher!, imageSize: 16 } }, out, resume: false });
    const text = expect.stringContaining("set teacher.imageSize to 8");
    expect(engine.notices.filter((notice) => notice.type === "warning" && !isOfFewImages(notice.text))).toMatchObject([{ text }]);
    expect(readRun(`${out}/student`).events).toContainEqual(expect.objectContaining({ type: "warning", text }));
  });

  test("frees its memory", async () => {
    const before = backend().memoryStats().inUse;
    await fresh().train({ kind: "compare", recipe: recipe({ epochs: 1 }), out: folder.path("memory"), resume: false });
    await fresh().trainingFailure({
      kind: "train",
      recipe: { ...recipe(), teacher: { ...recipe().teacher!, weights: "nowhere" } },
      out: folder.path("memory-2"),
      resume: false,
    });
    expect(backend().memoryStats().inUse).toBe(before);
  });

  test("never overwrites a run", async () => {
    const out = folder.path("kept");
    await fresh().train({ kind: "train", recipe: single({ epochs: 1 }), out, resume: false });
    const before = readFileSync(`${out}/batches.csv`);
    const failure = await fresh().trainingFailure({ kind: "train", recipe: single({ epochs: 1 }), out, resume: false });
    expect(failure).toMatchObject({ code: "INPUT", message: expect.stringMatching(/already holds a run.*another folder/) });
    expect(readFileSync(`${out}/batches.csv`)).toEqual(before);
  });

  test("a loss that is not a number fails the run, with an explanation", async () => {
    const out = folder.path("diverged");
    const failure = await fresh().trainingFailure({
      kind: "train",
      recipe: single({ optimizer: "sgd", learningRate: 10, weightDecay: 10, epochs: 60 }),
      out,
      resume: false,
    });
    expect(failure).toMatchObject({ code: "DIVERGED", message: expect.stringContaining("train.learningRate") });
    expect(readRun(out)).toMatchObject({ state: "failed" });
  });
});

describe("pause, stop and resume", () => {
  let whole: ComparisonResult;
  beforeAll(async () => {
    whole = await fresh().train({ kind: "compare", recipe: recipe(), out: folder.path("whole"), resume: false });
  });

  test.each([1, 3, 4, 6, 8, 12])("stopped after batch %i and resumed, a comparison gives bitwise equal results", async (n) => {
    const out = folder.path(`stopped-${n}`);
    const engine = fresh();
    engine.afterBatch(n, () => void engine.control("stop"));
    const failure = await engine.trainingFailure({ kind: "compare", recipe: recipe(), out, resume: false });
    expect(failure.code).toBe("INTERRUPTED");
    for (const arm of ["control", "student"]) expect(readRun(`${out}/${arm}`).state).toBe("stopped");

    const result = await fresh().train({ kind: "compare", recipe: recipe(), out, resume: true });
    expect([lasting(result.control), lasting(result.student)]).toEqual([lasting(whole.control), lasting(whole.student)]);
    for (const arm of ["control", "student"]) {
      expect(weightsOf(`${out}/${arm}`)).toEqual(weightsOf(folder.path("whole", arm)));
      const [resumed, unbroken] = [readRun(`${out}/${arm}`), readRun(folder.path("whole", arm))];
      expect(resumed.batches.map(({ imagesPerSecond: _, ...rest }) => rest)).toEqual(unbroken.batches.map(({ imagesPerSecond: _, ...rest }) => rest));
      expect(resumed.epochRecords.map(({ seconds: _, ...rest }) => rest)).toEqual(unbroken.epochRecords.map(({ seconds: _, ...rest }) => rest));
    }
  });

  test.each([1, 7, 21, 60, 100])("stopped in the middle of a batch, after %i batch norms, it discards that batch alone", async (norms) => {
    const out = folder.path(`cut-${norms}`);
    expect(await trainInto(out, single(), { stopAfterNorms: norms })).toMatchObject({ code: "INTERRUPTED" });
    const { batches, state } = readRun(out);
    // The student's 21 batch norms run once in a batch; tests use their averages.
    expect(batches).toHaveLength(Math.floor((norms - 1) / 21));
    expect(state).toBe("stopped");
    const { result } = await trainInto(out, single(), { resume: true });
    await fresh().train({ kind: "train", recipe: single(), out: folder.path(`uncut-${norms}`), resume: false });
    expect(lasting(result as TrainResult).hashes).toEqual(readRun(folder.path(`uncut-${norms}`)).hashes);
    expect(weightsOf(out)).toBe(weightsOf(folder.path(`uncut-${norms}`)));
  });

  test("a finished run can be resumed, which changes nothing", async () => {
    const again = await fresh().train({ kind: "compare", recipe: recipe(), out: folder.path("whole"), resume: true });
    expect([lasting(again.control), lasting(again.student)]).toEqual([lasting(whole.control), lasting(whole.student)]);
  });

  test("a paused run answers other calls, and continues as if nothing had happened", async () => {
    const engine = fresh();
    const out = folder.path("paused");
    let during: unknown;
    engine.onNotice = async (notice) => {
      if (notice.type === "batches" && !during) {
        during = engine.control("pause");
        expect(await during).toEqual({ state: "paused" });
      }
      if (notice.type !== "state" || notice.state !== "paused") return;
      const batches = readRun(`${out}/control`).batches.length;
      await engine.call("evaluate", evaluation());
      expect(readRun(`${out}/control`)).toMatchObject({ state: "paused", batches: { length: batches } });
      expect(await engine.control("continue")).toEqual({ state: "running" });
    };
    const result = await engine.train({ kind: "compare", recipe: recipe(), out, resume: false });
    expect(engine.notices.filter(({ type }) => type === "state")).toMatchObject([{ state: "paused" }, { state: "running" }]);
    expect([lasting(result.control), lasting(result.student)]).toEqual([lasting(whole.control), lasting(whole.student)]);
    expect(readRun(`${out}/student`).events.map(({ type }) => type)).toEqual(expect.arrayContaining(["paused", "continued"]));
  });

  test("a paused run can be stopped", async () => {
    const engine = fresh();
    const out = folder.path("paused-stopped");
    engine.afterBatch(2, () => void engine.control("pause"));
    const answer = engine.trainingFailure({ kind: "train", recipe: single(), out, resume: false });
    await expect.poll(() => engine.notices.some(({ type }) => type === "state")).toBe(true);
    expect(await engine.control("stop")).toEqual({ state: "stopping" });
    expect((await answer).code).toBe("INTERRUPTED");
    expect(await engine.control("stop")).toEqual({ state: "stopped" });
  });

  test("predicting and evaluating during training disturb nothing", async () => {
    const engine = fresh();
    const answers: Promise<unknown>[] = [];
    engine.afterBatch(1, () => {
      answers.push(engine.call("predict", { model: "resnet20_cifar10", weights: folder.teacher, images: [{ path: "red.png", bytes: redImage }] }));
      answers.push(engine.call("evaluate", evaluation()));
      answers.push(engine.trainingFailure({ kind: "train", recipe: single(), out: folder.path("second"), resume: false }));
    });
    const result = await engine.train({ kind: "compare", recipe: recipe(), out: folder.path("disturbed"), resume: false });
    expect([lasting(result.control), lasting(result.student)]).toEqual([lasting(whole.control), lasting(whole.student)]);
    const [prediction, evaluated, second] = await Promise.all(answers);
    expect(prediction).toMatchObject({ classes: CIFAR10_CLASSES });
    expect(evaluated).toMatchObject({ images: 1000 });
    expect(second).toMatchObject({ code: "USAGE", message: expect.stringContaining("one runs at a time") });
    expect(existsSync(folder.path("second"))).toBe(false);
  });

  test.each([
    ["another recipe", () => recipe({ learningRate: 2e-3 }), /train\.learningRate 0\.001.*0\.002/],
    ["other data", () => ({ ...recipe(), data: { ...recipe().data, testLimit: 9 } }), /data\.testLimit 10.*9/],
    [
      "another temperature",
      () => ({ ...recipe(), distillation: { ...recipe().distillation!, terms: [{ ...recipe().distillation!.terms[0]!, temperature: 3 }] } }),
      /distillation\.temperature 2.*3/,
    ],
    ["other teacher's weights", () => ({ ...recipe(), teacher: { ...recipe().teacher!, weights: otherTeacher() } }), /teacher's weights/],
  ])("resuming with %s is refused, and changes nothing", async (_, changed, message) => {
    const contents = () =>
      ["control", "student"].flatMap((arm) => ["events.jsonl", "recipe.json"].map((file) => readFileSync(folder.path("whole", arm, file), "utf8")));
    const before = contents();
    const failure = await fresh().trainingFailure({ kind: "compare", recipe: changed(), out: folder.path("whole"), resume: true });
    expect(failure.code).toBe("INPUT");
    expect(failure.message).toMatch(message);
    expect(contents()).toEqual(before);
  });

  test("a comparison in which one arm never began can be resumed", async () => {
    const out = folder.path("half-begun");
    const engine = fresh();
    engine.afterBatch(1, () => void engine.control("stop"));
    await engine.trainingFailure({ kind: "compare", recipe: recipe(), out, resume: false });
    rmSync(`${out}/student`, { recursive: true });
    // Arms begin before any is trained, so the other has no checkpoint either.
    forgetCheckpoint(`${out}/control`);
    const result = await fresh().train({ kind: "compare", recipe: recipe(), out, resume: true });
    expect([lasting(result.control), lasting(result.student)]).toEqual([lasting(whole.control), lasting(whole.student)]);
  });

  test("initial weights that changed before the first checkpoint are refused", async () => {
    const out = folder.path("first-weights");
    const from = (weights: string) => ({ ...single(), student: { ...recipe().student, weights } });
    await fresh().train({ kind: "train", recipe: from(folder.teacher), out, resume: false });
    forgetCheckpoint(out);
    const failure = await fresh().trainingFailure({ kind: "train", recipe: from(otherTeacher()), out, resume: true });
    expect(failure).toMatchObject({ code: "INPUT", message: expect.stringContaining("other initial weights") });
  });

  test("an existing file that stops one arm leaves no trace of the other", async () => {
    const out = folder.path("in the way");
    mkdirSync(`${out}/student`, { recursive: true });
    writeFileSync(`${out}/student/batches.csv`, "mine");
    const failure = await fresh().trainingFailure({ kind: "compare", recipe: recipe(), out, resume: false });
    expect(failure).toMatchObject({ code: "INPUT", message: expect.stringContaining(`${out}/student/batches.csv already exists`) });
    writeFileSync(`${out}/report.html`, "mine");
    rmSync(`${out}/student`, { recursive: true });
    expect(await fresh().trainingFailure({ kind: "compare", recipe: recipe(), out, resume: false })).toMatchObject({
      message: expect.stringContaining("report.html already exists"),
    });
    expect(readdirSync(out)).toEqual(["report.html"]);
  });

  test("resuming where there is no run is refused", async () => {
    const failure = await fresh().trainingFailure({ kind: "train", recipe: single(), out: folder.path("nothing"), resume: true });
    expect(failure).toMatchObject({ code: "INPUT", message: expect.stringContaining("holds no run") });
    expect(existsSync(folder.path("nothing"))).toBe(false);
  });

  test("a damaged checkpoint is reported, and the previous one is used", async () => {
    const out = folder.path("damaged");
    const engine = fresh();
    engine.afterBatch(5, () => void engine.control("stop"));
    await engine.trainingFailure({ kind: "train", recipe: single(), out, resume: false });
    writeFileSync(`${out}/checkpoint/latest.safetensors`, "not a checkpoint");
    const resumed = fresh();
    const result = await resumed.train({ kind: "train", recipe: single(), out, resume: true });
    expect(resumed.notices.find(({ type }) => type === "warning")).toMatchObject({ text: expect.stringContaining("continues from the one before") });
    expect(lasting(result)).toEqual(lasting(await fresh().train({ kind: "train", recipe: single(), out: folder.path("undamaged"), resume: false })));
  });
});

describe("bad input to training", () => {
  const weights = (classes: readonly string[], name: string) => {
    const path = folder.path(`${name}.safetensors`);
    const model = createModel("resnet20_cifar10", { classes: classes.length, seed: 1 });
    saveWeights(model, path, { classes, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] });
    model.release();
    return path;
  };

  test.each([
    ["a missing data folder", () => ({ ...recipe(), data: { ...recipe().data, path: folder.path("no-data") } }), "INPUT", /no-data.*does not exist/],
    ["a missing teacher", () => withTeacher(folder.path("no-teacher.safetensors")), "INPUT", /no-teacher\.safetensors/],
    ["a teacher of other classes", () => withTeacher(weights(["a", "b", "c"], "three")), "INPUT", /3 classes.*10/],
    [
      "a teacher's weights of another model",
      () => ({ ...recipe(), teacher: { ...recipe().teacher!, model: "resnet18_cifar10" } }),
      "INPUT",
      /resnet18_cifar10.*expected/,
    ],
    [
      "a bundled teacher that does not exist",
      () => ({ ...recipe(), teacher: { ...recipe().teacher!, model: "resnet34_cifar10", weights: "bundled" } }),
      "INPUT",
      /resnet34_cifar10.*bundled: resnet18_cifar10 and resnet20_cifar10/,
    ],
    [
      "initial weights of other classes",
      () => ({ ...recipe(), student: { ...recipe().student, weights: weights(["a", "b"], "two") } }),
      "INPUT",
      /the student .*2 classes.*10.* set student\.freshHead/,
    ],
    ["an unknown model", () => ({ ...recipe(), student: { ...recipe().student, model: "resnet19" } }), "USAGE", /resnet19.*resnet18/],
    [
      "a crop of the whole image",
      () => ({ ...recipe(), augment: { ...recipe().augment, crop: 32 } }),
      "INPUT",
      /augment\.crop: expected less than .* 32 pixels, got 32/,
    ],
    ["a comparison without a teacher", () => single(), "USAGE", /distillation/],
  ])("%s", async (_, bad, code, message) => {
    const out = folder.path("bad");
    const failure = await fresh().trainingFailure({ kind: "compare", recipe: bad(), out, resume: false });
    expect(failure.code).toBe(code);
    expect(failure.message).toMatch(message);
    expect(existsSync(out)).toBe(false);
  });

  const withTeacher = (path: string) => ({ ...recipe(), teacher: { ...recipe().teacher!, weights: path } });
});

describe("predicting", () => {
  test("returns logits, probabilities at the temperature, and what the network saw", async () => {
    const request = { model: "resnet20_cifar10", weights: folder.teacher, images: [{ path: "red.png", bytes: redImage }], withInput: true };
    const [plain, sharp1] = [await fresh().call("predict", request), await fresh().call("predict", { ...request, temperature: 0.5 })];
    const [image, sharper] = [plain.images[0]!, sharp1.images[0]!];
    expect(sharper.logits).toEqual(image.logits);
    const ratio = (of: number[], a: number, b: number) => Math.log(of[a]! / of[b]!);
    expect(ratio(image.probabilities, 0, 1)).toBeCloseTo(image.logits[0]! - image.logits[1]!, 6);
    expect(ratio(sharper.probabilities, 0, 1)).toBeCloseTo(2 * (image.logits[0]! - image.logits[1]!), 6);
    const seen = await sharp(image.input).raw().toBuffer({ resolveWithObject: true });
    expect(seen.info).toMatchObject({ width: 8, height: 8, channels: 3 });
    expect([...seen.data.subarray(0, 3)]).toEqual([255, 0, 0]);
  });

  test("an unreadable image is named", async () => {
    const images = [{ path: "letter.jpg", bytes: Buffer.from("Dear reader") }];
    const failure = await fresh().failure("predict", { model: "resnet20_cifar10", weights: folder.teacher, images });
    expect(failure).toMatchObject({ code: "INPUT", message: expect.stringContaining("letter.jpg") });
  });
});

test("evaluating counts by class", async () => {
  const { images, models } = await fresh().call("evaluate", evaluation());
  const { accuracy, loss, perClass } = models[0]!.scores!;
  expect(images).toBe(1000);
  expect(perClass.map(({ name }) => name)).toEqual(CIFAR10_CLASSES);
  expect(perClass.reduce((sum, { count }) => sum + count, 0)).toBe(1000);
  expect(perClass.reduce((sum, { count, accuracy: share }) => sum + count * share, 0)).toBeCloseTo(1000 * accuracy, 6);
  expect(loss).toBeGreaterThan(1);
});

function evaluation(weights = folder.teacher) {
  return { models: [{ model: "resnet20_cifar10", weights }], runs: [], data: "bundled", format: "auto" as const };
}

function otherTeacher(): string {
  const path = folder.path("other-teacher.safetensors");
  rmSync(path, { force: true });
  const model = createModel("resnet20_cifar10", { classes: 10, imageSize: 8, seed: 8 });
  saveWeights(model, path, { classes: CIFAR10_CLASSES, mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] });
  model.release();
  return path;
}

let redImage: Uint8Array;
beforeAll(async () => {
  redImage = await sharp({ create: { width: 40, height: 30, channels: 3, background: "#ff0000" } })
    .png()
    .toBuffer();
});
