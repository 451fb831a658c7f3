import { beforeEach, describe, expect, it } from "vitest";
import type { Notice, Progress } from "../../../src-main/contract/engine";
import type { ArmName } from "../../../src-main/contract/run";
import { Curves } from "../../../src-renderer/state/curves.svelte";
import { curvesOf, folderName, Training } from "../../../src-renderer/state/training.svelte";
import { batches, controlRecipe, deferred, details, epoch, FakeEngine, failure, fakeBridge, settle, startedEngine, studentRecipe } from "../fakes";

const progress = (done: number): Progress => ({ done, total: 8, imagesPerSecond: 100, secondsLeft: 10 });
const started = (arm: ArmName) => ({ type: "started", arm, directory: `/runs/one/${arm}`, batchesPerEpoch: 2, epochs: 2 }) as const;

let engine: FakeEngine;
let bridge: ReturnType<typeof fakeBridge>;
let training: Training;
/** The compare call that is under way: notices go out, and a test ends it. */
let call: { notify: (notice: Partial<Notice> & { type: Notice["type"] }) => void; end: ReturnType<typeof deferred<unknown>> };

beforeEach(async () => {
  const following = (_: never, notify: typeof call.notify) => {
    call = { notify, end: deferred() };
    return call.end.promise;
  };
  engine = new FakeEngine({ compare: following, train: following, readRun: ({ directory }) => details((directory as string).split("/").at(-1) as ArmName) });
  bridge = fakeBridge(engine);
  training = new Training(bridge.bridge, await startedEngine(bridge.bridge), () => "/runs");
});

it("a comparison from its start to its end", async () => {
  expect(training).toMatchObject({ state: "idle", active: false });
  const done = training.start(studentRecipe);
  await settle();
  expect(training).toMatchObject({ state: "preparing", active: true, phase: "Preparing" });
  expect(engine.paramsOf("compare")).toEqual([
    { recipe: studentRecipe, out: expect.stringMatching(/^\/runs\/\d{4}-\d\d-\d\d-\d{6}-quick-look$/), resume: false },
  ]);

  call.notify({ type: "phase", text: "Reading the images" });
  expect(training.phase).toBe("Reading the images");
  for (const arm of ["control", "student"] as const) call.notify(started(arm));
  expect(training.state).toBe("running");
  call.notify({ type: "batches", arm: "control", records: batches(2, 2), progress: progress(2) });
  call.notify({ type: "epoch", arm: "control", record: epoch(1, 0.4) });
  call.notify({ type: "warning", text: "The teacher sees small images" });
  call.notify({ type: "warning", text: "The teacher sees small images" });
  for (let i = 0; i < 2; i++) call.notify({ type: "note", text: "Computed on the processor" });
  await settle();
  expect(training.notes).toEqual(["Computed on the processor"]);
  expect(training).toMatchObject({ phase: "", progress: { done: 2 }, warnings: ["The teacher sees small images"], facts: { teacherTestAcc: 0.9 } });
  expect(Object.keys(training.facts!.arms)).toEqual(["control", "student"]);
  expect(training.curves.arm("control")).toMatchObject({ batches: 2, testAcc: { epoch: 1, value: 0.4 } });

  const result = { student: {}, report: "/runs/one/report.html" };
  call.end.resolve(result);
  await done;
  expect(training).toMatchObject({ state: "finished", active: false, phase: "", comparison: result });
});

it("a recipe without a teacher trains one model", async () => {
  const done = training.start(controlRecipe);
  await settle();
  call.notify(started("single"));
  call.end.resolve({ arm: "single" });
  await done;
  expect(engine.paramsOf("train")).toHaveLength(1);
  expect(training).toMatchObject({ state: "finished", comparison: null });
});

describe("verbs", () => {
  beforeEach(async () => {
    training.start(studentRecipe);
    await settle();
    call.notify(started("control"));
    engine.answers.control = ({ action }) => ({ state: ({ pause: "paused", continue: "running", stop: "stopping" } as Record<string, string>)[action] });
  });

  it("pause, and go on", async () => {
    await training.togglePause();
    expect(training).toMatchObject({ state: "paused", active: true });
    await training.togglePause();
    expect(training.state).toBe("running");
    call.notify({ type: "state", state: "paused" });
    expect(training.state).toBe("paused");
  });

  it("stop ends with a checkpoint, from which the run is resumed in the same folder with the same curves", async () => {
    call.notify({ type: "batches", arm: "control", records: batches(2, 2), progress: progress(2) });
    await settle();
    await training.stop();
    await training.stop();
    call.notify({ type: "state", state: "running" });
    expect(training.state).toBe("stopping");
    expect(engine.paramsOf("control")).toEqual([{ action: "stop" }]);
    call.end.reject(failure("stopped", "INTERRUPTED"));
    await training.settled();
    expect(training).toMatchObject({ state: "stopped", problem: null });

    const { curves, directory } = training;
    training.resumeLast();
    await settle();
    expect(engine.paramsOf("compare").at(-1)).toEqual({ recipe: studentRecipe, out: directory, resume: true });
    expect(training).toMatchObject({ state: "preparing", phase: "Going back to the last checkpoint", curves });
    expect(training.facts?.arms.control).toBeDefined();
  });

  it("a failure is said in words", async () => {
    call.end.reject(failure("the disk is full"));
    await training.settled();
    expect(training).toMatchObject({ state: "failed", active: false, problem: "The disk is full" });
  });

  it("a verb that the engine refuses leaves the state, and says why", async () => {
    engine.answers.control = () => Promise.reject(failure("nothing to pause"));
    await training.togglePause();
    expect(training).toMatchObject({ state: "running", problem: "Nothing to pause" });
  });

  it("only one run is in progress at a time", async () => {
    await expect(training.start(studentRecipe)).rejects.toThrow("A run is already in progress; stop it first.");
  });

  it("a run folder that cannot be read is a warning, not the end", async () => {
    engine.answers.readRun = () => Promise.reject(failure("recipe.json is missing"));
    call.notify(started("student"));
    await settle();
    expect(training.warnings).toEqual([expect.stringContaining("recipe.json is missing")]);
    expect(training.state).toBe("running");
  });

  it("the program around hears of each change once", async () => {
    const before = bridge.argsOf("setActivity").length;
    for (let i = 0; i < 3; i++) call.notify({ type: "batches", arm: "control", records: batches(1, 2), progress: progress(4) });
    expect(bridge.argsOf("setActivity").slice(before)).toEqual([[{ state: "running", progress: 0.5 }]]);
    await training.togglePause();
    call.notify({ type: "phase", text: "" });
    expect(bridge.argsOf("setActivity").at(-1)).toEqual([{ state: "paused", progress: 0.5 }]);
    call.end.resolve({});
    await training.settled();
    expect(bridge.argsOf("setActivity").at(-1)).toEqual([{ state: "idle", progress: 0.5 }]);
  });
});

it("nothing is paused, stopped or resumed where nothing runs", async () => {
  await training.togglePause();
  await training.stop();
  await training.resumeLast();
  expect(engine.calls).toEqual([]);
});

it("a kept run is resumed with what its folders hold", async () => {
  training.resume("/runs/one", studentRecipe, [details("control"), details("student")]);
  await settle();
  expect(training.curves.arms.map(({ arm, batches }) => [arm, batches])).toEqual([
    ["control", 4],
    ["student", 4],
  ]);
  expect(training).toMatchObject({ directory: "/runs/one", facts: { teacherTestAcc: 0.9 } });
});

describe("curves of run folders", () => {
  it("have the batches, the epochs, and the length of an epoch", () => {
    const curves = curvesOf([details("control"), details("student", { batches: batches(3, 2), epochRecords: [epoch(1, 0.6)] })]);
    expect(curves).toMatchObject({ batchesPerEpoch: 2, epochs: 2, difference: { epoch: 1 } });
    expect(curves.arm("student")).toMatchObject({ batches: 3, directory: "/runs/one/student" });
  });

  it("of a run without batches are empty", () => {
    expect(curvesOf([details("single", { batches: [], epochRecords: [] })]).arms[0]).toMatchObject({ batches: 0, testAcc: null });
    expect(curvesOf([])).toMatchObject(new Curves());
  });
});

it.each([
  ["quick look", "2026-11-24-090507-quick-look"],
  ["  Größe: 3/4 ", "2026-11-24-090507-gr-e-3-4"],
  ["…", "2026-11-24-090507"],
])("a run named %j lies in %s", (name, folder) => {
  expect(folderName(name, new Date(2026, 10, 24, 9, 5, 7))).toBe(folder);
});
