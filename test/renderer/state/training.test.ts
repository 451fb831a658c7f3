import { beforeEach, describe, expect, it, vi } from "vitest";
import type { ArmName } from "../../../src-main/contract/arms";
import type { Notice, Progress } from "../../../src-main/contract/notices";
import { Curves } from "../../../src-renderer/state/curves.svelte";
import { curvesOf, folderName, Training } from "../../../src-renderer/state/training.svelte";
import {
  batch,
  batches,
  controlRecipe,
  deferred,
  details,
  epoch,
  FakeEngine,
  failure,
  fakeBridge,
  liveRun,
  owner,
  settle,
  startedEngine,
  studentRecipe,
} from "../fakes";

const progress = (done: number): Progress => ({ done, total: 8, imagesPerSecond: 100, secondsLeft: 10 });
const started = (arm: ArmName, folder = "/runs/one") => ({ type: "started", arm, directory: `${folder}/${arm}`, batchesPerEpoch: 2, epochs: 2 }) as const;
const nothingYet = { batches: [], epochRecords: [] };

let engine: FakeEngine;
let bridge: ReturnType<typeof fakeBridge>;
let training: Training;
/** The run that is watched: notices go out, and a test ends it. */
let call: { notify: (notice: Partial<Notice> & { type: Notice["type"] }) => void; end: ReturnType<typeof deferred<unknown>> };
/** By folder, what it holds beside `nothingYet`. */
let folders: Record<string, Parameters<typeof details>[1]>;

async function follow(values: Parameters<typeof liveRun>[0] = {}): Promise<void> {
  training.follow(liveRun(values));
  await settle();
}

/** Sends notices, and waits until they are taken. */
async function notify(...notices: Parameters<typeof call.notify>[0][]): Promise<void> {
  for (const notice of notices) call.notify(notice);
  await settle();
}

beforeEach(async () => {
  folders = {};
  engine = new FakeEngine({
    start: ({ out }) => ({ run: "id", directory: out }),
    watch: (_, notify) => {
      call = { notify, end: deferred() };
      return call.end.promise;
    },
    control: () => ({ state: "running" }),
    readCourse: ({ directory }: { directory: string }) => details(directory.split("/").at(-1) as ArmName, { directory, ...nothingYet, ...folders[directory] }),
  });
  bridge = fakeBridge(engine);
  training = new Training(bridge.bridge, await startedEngine(bridge.bridge), () => "/runs");
});

it("a comparison from its start to its end", async () => {
  expect(training).toMatchObject({ state: "idle", active: false, trainsHere: false });
  const begun = training.start(studentRecipe);
  expect(training).toMatchObject({ active: false, trainsHere: true });
  await begun;
  expect(training).toMatchObject({ state: "preparing", active: true, trainsHere: true, phase: "Preparing", owner: null });
  expect(engine.paramsOf("start")).toEqual([
    { kind: "compare", recipe: studentRecipe, out: expect.stringMatching(/^\/runs\/\d{4}-\d\d-\d\d-\d{4}-quick-look$/), resume: false, unique: true },
  ]);
  expect(engine.paramsOf("watch")).toEqual([{ run: "id", from: 0 }]);

  await notify({ type: "phase", text: "Reading the images" });
  expect(training.phase).toBe("Reading the images");
  await notify(started("control"), started("student"));
  expect(training.state).toBe("running");
  expect(Object.keys(training.facts!.arms)).toEqual(["control", "student"]);
  const warning = { type: "warning", text: "The teacher sees small images" } as const;
  const note = { type: "note", text: "Computed on the processor" } as const;
  await notify(
    { type: "batches", arm: "control", records: batches(2, 2), progress: progress(2) },
    { type: "epoch", arm: "control", record: epoch(1, 0.4) },
    warning,
    warning,
    note,
    note,
  );
  expect(training).toMatchObject({ phase: "", progress: { done: 2 }, warnings: [warning.text], notes: [note.text], facts: { teacherTestAcc: 0.9 } });
  expect(training.curves.arm("control")).toMatchObject({ batches: 2, testAcc: { epoch: 1, value: 0.4 } });

  call.end.resolve({ student: {}, report: "/runs/one/report.html" });
  await training.settled();
  expect(training).toMatchObject({ state: "finished", active: false, trainsHere: false, phase: "", report: "/runs/one/report.html" });
});

it("the folder that the engine chose is the run's", async () => {
  engine.answers.start = ({ out }) => ({ run: "id", directory: `${out}-2` });
  await training.start(studentRecipe);
  expect(training.directory).toMatch(/-quick-look-2$/);
});

it("a recipe without a teacher trains one model", async () => {
  await training.start(controlRecipe);
  await notify(started("single"));
  call.end.resolve({ arm: "single" });
  await training.settled();
  expect(engine.paramsOf("start")).toMatchObject([{ kind: "train" }]);
  expect(training).toMatchObject({ state: "finished", report: null });
});

it("a start that the engine refuses changes nothing", async () => {
  await training.start(studentRecipe);
  call.end.resolve({});
  await training.settled();
  engine.answers.start = () => Promise.reject(failure("/runs cannot be written to"));
  await expect(training.start(controlRecipe)).rejects.toThrow("/runs cannot be written to");
  expect(training).toMatchObject({ state: "finished", recipe: studentRecipe, trainsHere: false });
});

describe("orders", () => {
  beforeEach(async () => {
    await training.start(studentRecipe);
    await notify(started("control"));
  });

  it("a pause takes effect when the run says so, and can be taken back before", async () => {
    await training.togglePause();
    expect(training).toMatchObject({ state: "pausing", active: true });
    await training.togglePause();
    expect(training.state).toBe("running");
    await training.togglePause();
    await notify({ type: "state", state: "paused" });
    expect(training.state).toBe("paused");
    await training.togglePause();
    expect(training.state).toBe("running");
    expect(engine.paramsOf("control")).toEqual(["pause", "continue", "pause", "continue"].map((action) => ({ run: "id", action })));
  });

  it("stop ends with a checkpoint, from which the run is resumed in the same folder", async () => {
    await notify({ type: "batches", arm: "control", records: batches(2, 2), progress: progress(2) });
    await training.stop();
    await training.stop();
    await notify({ type: "state", state: "running" });
    expect(training.state).toBe("stopping");
    expect(engine.paramsOf("control")).toEqual([{ run: "id", action: "stop" }]);
    call.end.reject(failure("stopped", "INTERRUPTED"));
    await training.settled();
    expect(training).toMatchObject({ state: "stopped", problem: null });

    const { curves, directory } = training;
    await training.resumeLast();
    expect(engine.paramsOf("start").at(-1)).toEqual({ kind: "compare", recipe: studentRecipe, out: directory, resume: true, takeOver: false });
    expect(training).toMatchObject({ state: "preparing", phase: "Going back to the last checkpoint", curves });
    expect(training.facts?.arms.control).toBeDefined();
  });

  it("a failure is said in words", async () => {
    call.end.reject(failure("the disk is full"));
    await training.settled();
    expect(training).toMatchObject({ state: "failed", active: false, problem: "The disk is full" });
  });

  it.each([
    ["togglePause", "Nothing to pause"],
    ["stop", "Nothing to stop"],
  ] as const)("%s, if the engine refuses, leaves the state, and says why", async (verb, words) => {
    engine.answers.control = () => Promise.reject(failure(words));
    await training[verb]();
    expect(training).toMatchObject({ state: "running", problem: words });
  });

  it("an order that is refused because the run has just ended leaves it ended", async () => {
    engine.answers.control = async () => {
      call.end.resolve({});
      await training.settled();
      throw failure("there is no run");
    };
    await training.stop();
    expect(training.state).toBe("finished");
  });

  it("this app trains one run at a time", async () => {
    await expect(training.start(studentRecipe)).rejects.toThrow("A run is already in progress; stop it first.");
    expect(engine.paramsOf("start")).toHaveLength(1);
  });

  it("a run folder that cannot be read is a warning, not the end", async () => {
    engine.answers.readCourse = () => Promise.reject(failure("recipe.json is missing"));
    await notify(started("student"));
    expect(training.warnings).toEqual([expect.stringContaining("ecipe.json is missing")]);
    expect(training.state).toBe("running");
    call.end.resolve({});
    await training.settled();
    expect(training.state).toBe("finished");
  });

  it("the program around hears of each change once", async () => {
    const before = bridge.argsOf("setActivity").length;
    for (let i = 0; i < 3; i++) await notify({ type: "batches", arm: "control", records: batches(1, 2), progress: progress(4) });
    expect(bridge.argsOf("setActivity").slice(before)).toEqual([[{ state: "running", progress: 0.5 }]]);
    await notify({ type: "state", state: "paused" }, { type: "phase", text: "" });
    expect(bridge.argsOf("setActivity").at(-1)).toEqual([{ state: "paused", progress: 0.5 }]);
    call.end.resolve({});
    await training.settled();
    expect(bridge.argsOf("setActivity").at(-1)).toEqual([{ state: "idle", progress: 0.5 }]);
  });

  it("the program around hears of progress while the window is hidden, and draws nothing", async () => {
    vi.stubGlobal("requestAnimationFrame", () => 1);
    await notify({ type: "batches", arm: "control", records: batches(1, 2), progress: progress(4) });
    vi.unstubAllGlobals();
    expect(bridge.argsOf("setActivity").at(-1)).toEqual([{ state: "running", progress: 0.5 }]);
  });

  it("a run that has ended is forgotten with its folder", async () => {
    training.forget(training.directory);
    expect(training.state).toBe("running");
    call.end.resolve({});
    await training.settled();
    training.forget("/runs/other");
    expect(training.state).toBe("finished");
    training.forget(training.directory);
    expect(training.state).toBe("idle");
  });
});

it("nothing is paused, stopped or resumed where nothing runs", async () => {
  await training.togglePause();
  await training.stop();
  await training.resumeLast();
  expect(engine.calls).toEqual([]);
});

describe("a resumed run", () => {
  const before = [details("control"), details("student")];

  it("shows what its folders hold until it goes on", async () => {
    await training.resume("/runs/one", "compare", studentRecipe, before, true);
    expect(engine.paramsOf("start")).toEqual([{ kind: "compare", recipe: studentRecipe, out: "/runs/one", resume: true, takeOver: true }]);
    expect(training.curves.arms.map(({ arm, batches }) => [arm, batches])).toEqual([
      ["control", 4],
      ["student", 4],
    ]);
    expect(training).toMatchObject({ directory: "/runs/one", facts: { teacherTestAcc: 0.9 } });
  });

  it("loses what came after its checkpoint, as its folders do", async () => {
    await training.resume("/runs/one", "compare", studentRecipe, before);
    folders["/runs/one/control"] = { batches: batches(3, 2), epochRecords: [epoch(1, 0.4)] };
    await notify(started("control"));
    expect(training.curves.arm("control")).toMatchObject({ batches: 3, epochs: [epoch(1, 0.4)] });
    await notify({ type: "batches", arm: "control", records: [batch(3, 2, { loss: 7 })], progress: progress(4) });
    expect(training.curves.arm("control")!.loss).toMatchObject({ length: 4, last: 7 });
  });
});

describe("a run that is followed from its middle", () => {
  it("has whole curves: earlier sessions and this one, nothing twice", async () => {
    // Two batches are from an earlier session; the third came after the page asked.
    folders["/runs/one/control"] = { batches: batches(3, 2), epochRecords: [epoch(1, 0.4)] };
    await follow();
    expect(training).toMatchObject({ state: "preparing", directory: "/runs/one", recipe: studentRecipe, trainsHere: true });
    expect(engine.paramsOf("watch")).toEqual([{ run: "id", from: 0 }]);
    await notify(
      { type: "note", text: "Computed on the processor" },
      started("control"),
      { type: "batches", arm: "control", records: [batch(2, 2), batch(3, 2)], progress: progress(4) },
      { type: "epoch", arm: "control", record: epoch(1, 0.4) },
      { type: "state", state: "paused" },
    );
    expect(training).toMatchObject({ state: "paused", progress: { done: 4 }, notes: ["Computed on the processor"] });
    expect(training.curves.arm("control")).toMatchObject({ batches: 4, epochs: [epoch(1, 0.4)], chain: ["link 0", "link 1", "link 2", "link 3"] });
  });

  it("may be another process's: this app can stop it, does not depend on it, and starts runs of its own meanwhile", async () => {
    await follow({ run: "theirs", owner: owner() });
    await notify(started("control"));
    expect(training).toMatchObject({ state: "running", active: true, trainsHere: false, owner: { pid: 123 } });
    expect(bridge.argsOf("setActivity").at(-1)).toEqual([{ state: "idle", progress: 0 }]);
    await training.stop();
    expect(engine.paramsOf("control")).toEqual([{ run: "theirs", action: "stop" }]);

    const theirs = call;
    await training.start(studentRecipe);
    await notify(started("single"));
    theirs.notify({ type: "phase", text: "Theirs" });
    theirs.notify(started("student"));
    theirs.end.reject(failure("stopped", "INTERRUPTED"));
    await settle();
    expect(training).toMatchObject({ state: "running", phase: "Preparing", owner: null });
    expect(training.curves.arms.map(({ arm }) => arm)).toEqual(["single"]);
  });

  it.each([
    ["is stopped if it was asked to stop", true, { state: "stopped", problem: null }],
    ["has failed otherwise", false, { state: "failed", problem: "The process that trains this run has ended" }],
  ] as const)("whose process is gone %s", async (_, asked, end) => {
    await follow({ run: "theirs", owner: owner() });
    if (asked) await training.stop();
    call.end.reject(failure("the process that trains this run has ended", "ENGINE_DIED"));
    await training.settled();
    expect(training).toMatchObject(end);
  });

  it("is dropped with its end once another is on screen", async () => {
    await follow({ run: "theirs", owner: owner() });
    const theirs = call;
    await follow();
    theirs.end.resolve({ report: "/theirs/report.html" });
    await settle();
    expect(training).toMatchObject({ state: "preparing", report: null });
  });

  it("a folder that is read when another run is on screen adds nothing to it", async () => {
    const read = deferred<unknown>();
    engine.answers.readCourse = () => read.promise;
    await follow({ run: "theirs", owner: owner() });
    call.notify(started("control"));
    await settle();
    await follow();
    read.resolve(details("control"));
    await settle();
    expect(training).toMatchObject({ facts: null, state: "preparing", curves: { arms: [] } });
  });
});

it("a sweep shows the comparison under way, and is resumed as a whole", async () => {
  await follow({ seeds: 3 });
  const member = (index: number) => ({ type: "member", index, total: 3, words: `seed ${7 + index}`, directory: `/runs/one/seed-${7 + index}` }) as const;
  await notify(member(0), started("control", "/runs/one/seed-7"), { type: "batches", arm: "control", records: batches(2, 2), progress: progress(2) });
  expect(training).toMatchObject({ member: { index: 0, total: 3, words: "seed 7" } });
  await notify(member(1));
  expect(training).toMatchObject({ member: { index: 1, total: 3, words: "seed 8" }, facts: null, curves: { arms: [] } });
  const other = { seed: 7, arm: "control", directory: "/runs/one/seed-7/control", epochs: [{ epoch: 1, testAcc: 0.4 }] };
  engine.answers.seeds = () => [other];
  await notify(started("control", "/runs/one/seed-8"));
  expect(training.curves.otherSeeds).toEqual([other]);
  const sample = { at: 1, processors: 1.5, threads: 2, tensorBytes: 1, processBytes: 2, freeBytes: 3 };
  await notify({ type: "machine", sample });
  expect(training.curves.machine).toEqual([sample]);
  engine.answers.seeds = () => Promise.reject(failure("seed-7 cannot be read"));
  await notify(member(2), started("control", "/runs/one/seed-9"));
  expect(training.warnings.at(-1)).toBe("What other seeds came to could not be read, so the chart shows this one alone: seed-7 cannot be read");
  call.end.reject(failure("stopped", "INTERRUPTED"));
  await training.settled();
  await training.resumeLast();
  expect(engine.paramsOf("start")).toMatchObject([{ out: "/runs/one", resume: true, seeds: 3 }]);
});

it("a comparison with several seeds is started and resumed as such; one model has one seed", async () => {
  await training.start(studentRecipe, { kind: "compare", seeds: 3 });
  call.end.reject(failure("stopped", "INTERRUPTED"));
  await training.settled();
  await training.resumeLast();
  call.end.resolve({});
  await training.settled();
  await training.start(controlRecipe);
  const [begun, resumed, single] = engine.paramsOf("start");
  expect([begun, resumed]).toMatchObject([
    { kind: "compare", resume: false, seeds: 3 },
    { kind: "compare", resume: true, seeds: 3 },
  ]);
  expect(single).not.toHaveProperty("seeds");
});

it("more seeds of a sweep are asked for once: a resumed run has as many as its folder says", async () => {
  await training.addSeeds("/runs/one", studentRecipe, 2);
  call.end.reject(failure("stopped", "INTERRUPTED"));
  await training.settled();
  await training.resumeLast();
  const asked = { kind: "compare", recipe: studentRecipe, out: "/runs/one", resume: true, takeOver: false };
  expect(engine.paramsOf("start")).toEqual([{ ...asked, addSeeds: 2 }, asked]);
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
  ["quick look", "2026-11-24-0905-quick-look"],
  ["  Größe: 3/4 ", "2026-11-24-0905-gr-e-3-4"],
  ["…", "2026-11-24-0905"],
])("a run named %j lies in %s", (name, folder) => {
  expect(folderName(name, new Date(2026, 10, 24, 9, 5, 7))).toBe(folder);
});
