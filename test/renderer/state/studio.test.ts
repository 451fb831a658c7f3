import { beforeEach, describe, expect, it } from "vitest";
import type { ArmName } from "../../../src-main/contract/run";
import { Studio } from "../../../src-renderer/state/studio.svelte";
import { deferred, details, FakeEngine, failure, fakeBridge, settle, summary } from "../fakes";

const info = { format: "cifar10-binary", classes: ["cat", "dog"], thumbnails: [], train: { count: 5000 } };

let engine: FakeEngine;
let fake: ReturnType<typeof fakeBridge>;
let studio: Studio;

beforeEach(async () => {
  engine = new FakeEngine({
    dataInfo: () => info,
    models: () => [{ name: "vit" }],
    doctor: () => ({}),
    listRuns: () => [summary("control"), summary("student")],
    readRun: ({ directory }) => details((directory as string).split("/").at(-1) as ArmName),
    predict: () => ({ classes: ["cat", "dog"], images: [{ path: "x", logits: [1, 2], probabilities: [] }] }),
    compare: () => ({ student: {} }),
    control: () => ({ state: "stopping" }),
    report: ({ out }) => ({ path: out }),
  });
  fake = fakeBridge(engine, () => "/picked");
  studio = new Studio(fake.bridge);
  await studio.start();
});

it("starts with the bundled data read, models and runs known, in the theme that was chosen", () => {
  expect(studio).toMatchObject({ screen: "data", theme: "dark", data: { info }, setup: { models: [{ name: "vit" }] } });
  expect(studio.runs.groups).toHaveLength(1);
  studio.setTheme("light");
  expect(fake.argsOf("setTheme")).toEqual([["light"]]);
});

it("a screen is shown without what was said on the one before, and the list of runs is fresh", async () => {
  studio.message = { kind: "done", text: "Done" };
  engine.answers.listRuns = () => [];
  studio.show("runs");
  await settle();
  expect(studio).toMatchObject({ screen: "runs", message: null, runs: { groups: [], open: null } });
});

it("an engine that is started again reads only what is missing", async () => {
  const before = engine.calls.length;
  await studio.restartEngine();
  expect(engine.calls.slice(before)).toEqual([]);
  engine.answers.dataInfo = () => Promise.reject(failure("gone"));
  await studio.data.open("/mine");
  studio.setup.models = [];
  await studio.restartEngine();
  expect(engine.paramsOf("models")).toHaveLength(2);
  expect(engine.paramsOf("dataInfo").at(-1)).toMatchObject({ path: "/mine" });
});

describe("training", () => {
  it("starts with what the form says, once", async () => {
    const end = deferred<unknown>();
    engine.answers.compare = () => end.promise;
    studio.startTraining();
    studio.startTraining();
    await settle();
    expect(engine.paramsOf("compare")).toHaveLength(1);
    expect(studio.screen).toBe("live");
    end.resolve({ student: {} });
  });

  it("does not start with a form that has a problem", () => {
    studio.setup.set("train.epochs", "many");
    studio.startTraining();
    expect(studio.screen).toBe("data");
  });

  it("a kept run is resumed on the screen Live", async () => {
    await studio.resume(studio.runs.groups[0]!);
    expect(engine.paramsOf("compare")).toMatchObject([{ out: "/runs/one", resume: true }]);
    expect(studio.screen).toBe("live");
  });

  it("a comparison whose student never began is not resumed", async () => {
    await studio.resume({ ...studio.runs.groups[0]!, arms: [summary("control")] });
    expect(studio.message).toMatchObject({ kind: "problem", text: expect.stringContaining("before its student began") });
  });

  it("its networks predict, found by their folder", async () => {
    await studio.resume(studio.runs.groups[0]!);
    await studio.predictWithLast();
    expect(studio).toMatchObject({ screen: "predict", prediction: { run: "/runs/one" } });
  });
});

describe("reports and folders", () => {
  it("a report is written and can be opened", async () => {
    await studio.exportReport(studio.runs.groups[0]!, "html");
    expect(studio.message).toMatchObject({ kind: "done", text: "Report written to /picked" });
    studio.message!.action!.run();
    await studio.reveal("/runs");
    expect([fake.argsOf("openReport"), fake.argsOf("reveal")]).toEqual([[["/picked"]], [["/runs"]]]);
  });

  it("what goes wrong is said", async () => {
    engine.answers.report = () => Promise.reject(failure("the disk is full"));
    await studio.exportReport(studio.runs.groups[0]!, "html");
    expect(studio.message).toEqual({ kind: "problem", text: "The disk is full" });
  });
});

describe("what is dropped", () => {
  const file = (name: string, type: string) => new File([], name, { type });

  it("an image is predicted", async () => {
    await studio.take(file("cat.png", "image/png"));
    expect(studio).toMatchObject({ screen: "predict", prediction: { picture: { name: "cat.png" } } });
  });

  it("a folder becomes the data", async () => {
    await studio.take(file("images", ""));
    expect(studio).toMatchObject({ screen: "data", data: { path: "/dropped/images" } });
  });

  it.each([
    ["notes.txt", "text/plain"],
    ["pathless", ""],
  ])("%s is refused", async (name, type) => {
    await studio.take(file(name, type));
    expect(studio.message?.text).toContain(`${name} is neither an image nor a folder`);
  });
});

it("bytes of a thumbnail are predicted, and weights are picked", async () => {
  await studio.predictBytes("cat 1", new Uint8Array([1]));
  expect(studio).toMatchObject({ screen: "predict", prediction: { picture: { name: "cat 1" } } });
  expect(await studio.chooseWeights()).toBe("/picked");
});

describe("the menu", () => {
  it.each([
    ["openData", "data", "chooseFolder"],
    ["openImage", "predict", "chooseFile"],
  ] as const)("%s asks for a file on its screen", async (command, screen, asked) => {
    fake.command(command);
    await settle();
    expect(studio.screen).toBe(screen);
    expect(fake.argsOf(asked)).toHaveLength(1);
  });

  it("shows screens, starts, pauses and stops", async () => {
    const end = deferred<unknown>();
    engine.answers.compare = () => end.promise;
    fake.command("setup");
    expect(studio.screen).toBe("setup");
    fake.command("start");
    await settle();
    studio.training.state = "running";
    fake.command("pause");
    fake.command("stop");
    await settle();
    expect(engine.paramsOf("control")).toEqual([{ action: "pause" }, { action: "stop" }]);
    end.reject(failure("stopped", "INTERRUPTED"));
  });

  it("quits once the run has stopped with its checkpoint", async () => {
    const end = deferred<unknown>();
    engine.answers.compare = () => end.promise;
    fake.command("start");
    await settle();
    fake.command("quit");
    await settle();
    expect(fake.argsOf("quit")).toEqual([]);
    end.reject(failure("stopped", "INTERRUPTED"));
    await settle();
    expect(fake.argsOf("quit")).toHaveLength(1);
  });
});
