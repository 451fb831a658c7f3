import { beforeEach, describe, expect, it } from "vitest";
import { together } from "../../../src-renderer/state/exports";
import { Studio } from "../../../src-renderer/state/studio.svelte";
import { deferred, failure, liveRun, owner, settle, studentRecipe, summary } from "../fakes";
import { info, startedStudio } from "../started-studio";

let { engine, fake, studio, end } = {} as Awaited<ReturnType<typeof startedStudio>>;
beforeEach(async () => {
  ({ engine, fake, studio, end } = await startedStudio());
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

it("an engine that is started again reads what is missing, and what may have changed", async () => {
  const before = engine.calls.length;
  await studio.resumption.restartEngine();
  expect(engine.calls.slice(before).map(({ method }) => method)).toEqual(["listRuns", "listFolders"]);
  engine.answers.dataInfo = () => Promise.reject(failure("gone"));
  await studio.data.open("/mine");
  studio.setup.models = [];
  await studio.resumption.restartEngine();
  expect(engine.paramsOf("models")).toHaveLength(2);
  expect(engine.paramsOf("dataInfo").at(-1)).toMatchObject({ path: "/mine" });
});

describe("a run that is not finished, and that nobody trains", () => {
  const stopped = { state: "stopped", changed: "2026-11-25T10:00:00Z", epochsDone: 1 } as const;
  const started = async () => {
    studio = new Studio(fake.bridge);
    await studio.start();
  };
  const list = (...runs: ReturnType<typeof summary>[]) => {
    engine.answers.listRuns = () => runs;
  };

  it("is named at the start if it was trained last, and resumed by one click", async () => {
    list(summary("single", { directory: "/runs/before", started: "2026-11-25T11:00:00Z" }), summary("control", stopped), summary("student", stopped));
    await started();
    expect(studio).toMatchObject({
      screen: "data",
      message: {
        kind: "caution",
        text: "one is not finished, and nobody trains it: 1 of 2 epochs are done. Resumed, it ends with the same result as without the break.",
        action: { label: "Resume one" },
      },
    });
    studio.message!.action!.run();
    await settle();
    expect(engine.paramsOf("start")).toMatchObject([{ kind: "compare", out: "/runs/one", resume: true }]);
    expect(studio).toMatchObject({ screen: "live", message: null, resumption: { unfinished: null } });
  });

  it("is named no longer once somebody trains it", async () => {
    list(summary("single", stopped));
    await started();
    studio.dropOutdated();
    expect(studio.message?.action?.label).toBe("Resume one");
    list(summary("single", { ...stopped, state: "running", owner: owner() }));
    await studio.runs.refresh();
    studio.dropOutdated();
    expect(studio.message).toBeNull();
  });

  it("begins anew if it has no checkpoint, which is said", async () => {
    list(summary("single", { ...stopped, epochsDone: 0, beginsAnew: true }));
    await started();
    expect(studio.message?.text).toContain("It has no checkpoint yet, so resuming begins it anew.");
  });

  it.each([
    ["something else was trained since", [summary("single", stopped), summary("single", { directory: "/runs/later", changed: "2026-11-26T10:00:00Z" })]],
    ["somebody trains it", [summary("single", { ...stopped, state: "running", owner: owner() })]],
    ["it has failed", [summary("single", { ...stopped, state: "failed" })]],
  ])("is not named where %s", async (_, runs) => {
    list(...runs);
    await started();
    expect(studio).toMatchObject({ message: null, resumption: { unfinished: null } });
  });

  it("is not named over what else has to be said", async () => {
    list(summary("single", stopped));
    const environment = await fake.bridge.environment();
    fake.bridge.environment = async () => ({ ...environment, notice: "This copy is old." });
    await started();
    expect(studio).toMatchObject({ message: { text: "This copy is old." }, resumption: { unfinished: { directory: "/runs/one" } } });
  });

  it("is named by the screen Live alone after the engine that trained it has died", async () => {
    list(summary("control", stopped), summary("student", stopped));
    await started();
    studio.message = null;
    await studio.launch.resumeRow(studio.resumption.unfinished!);
    end.reject(failure("the engine ended", "ENGINE_DIED"));
    await studio.training.settled();
    await studio.resumption.restartEngine();
    expect(studio).toMatchObject({ message: null, resumption: { unfinished: null }, training: { state: "failed" } });
  });
});

it("an engine that another window started in place of one that died is this one's too, and the run that it trains is followed", async () => {
  const calls = () => engine.calls.length;
  const before = calls();
  fake.engineStarted();
  await settle();
  expect(calls()).toBe(before);
  engine.die({ message: "the engine ended unexpectedly", details: "" });
  engine.answers.watch = () => new Promise(() => {});
  engine.answers.list = () => [liveRun({ run: "id", directory: "/runs/one" })];
  fake.engineStarted();
  await settle();
  expect(studio).toMatchObject({ engine: { state: { kind: "ready" } }, training: { state: "preparing", directory: "/runs/one" } });
});

describe("a connection that was lost and is there again", () => {
  const breakOff = () => {
    const before = end;
    end = deferred();
    before.reject(failure("the connection to the server broke", "DISCONNECTED"));
    fake.again();
  };
  beforeEach(async () => {
    engine.answers.watch = () => end.promise;
    engine.answers.list = () => [liveRun({ run: "id", directory: "/runs/one" })];
    fake.again();
    await settle();
    expect(studio.training).toMatchObject({ state: "preparing", directory: "/runs/one" });
  });

  it("leaves all as it is, and watches the run on from its folder", async () => {
    studio.show("setup");
    studio.ending = true;
    breakOff();
    await settle();
    expect(studio).toMatchObject({ screen: "setup", ending: false, message: null, training: { state: "preparing", problem: null } });
    expect(engine.paramsOf("watch")).toEqual([
      { run: "id", from: 0 },
      { run: "id", from: 0 },
    ]);
    expect(fake.argsOf("runEnded")).toEqual([]);
    end.resolve({ report: "/runs/one/report.html" });
    await studio.training.settled();
    expect(studio.training).toMatchObject({ state: "finished", report: "/runs/one/report.html" });
  });

  it("to another engine, which does not know the run, leaves the screen Live empty and offers to resume it", async () => {
    Object.assign(engine.answers, {
      list: () => [],
      watch: () => Promise.reject(failure('there is no run "id" here', "USAGE")),
      listRuns: () => [summary("single", { state: "stopped", epochsDone: 1 })],
    });
    breakOff();
    await settle();
    expect(studio).toMatchObject({
      training: { state: "idle" },
      message: { action: { label: "Resume one" } },
      resumption: { unfinished: { directory: "/runs/one" } },
    });
  });
});

describe("a concern of the data", () => {
  const leaveOut = { words: "Leave out the copies", settings: { "data.skipCopies": true } };

  it("is settled in the form, and the data are read as it says", async () => {
    await studio.settle(leaveOut);
    expect(studio.setup.result.recipe!.data.skipCopies).toBe(true);
    expect(engine.paramsOf("dataInfo").at(-1)).toMatchObject({ settings: { skipCopies: true } });
    await studio.data.open("/other");
    expect(engine.paramsOf("dataInfo").at(-1)).toMatchObject({ path: "/other", settings: { skipCopies: false } });
  });

  it("that cannot be settled leaves all as it was, and says why", async () => {
    engine.answers.dataInfo = () => Promise.reject(failure("none of dog is left"));
    await studio.settle(leaveOut);
    expect(studio).toMatchObject({ message: { kind: "problem", text: "None of dog is left\nAll stays as it was." }, data: { info, problem: null } });
    expect(studio.setup.result.recipe!.data.skipCopies).toBe(false);
  });

  it("what is left out can be saved as a list", async () => {
    engine.answers.dataInfo = () => ({ ...info, leftOut: [{ path: "a.txt", reason: "no image" }] });
    await studio.data.open("/mine");
    await studio.saveLeftOut();
    expect(fake.argsOf("saveLeftOut")).toEqual([[[{ path: "a.txt", reason: "no image" }]]]);
    expect(studio.message).toMatchObject({ text: "The list is written to /picked" });
  });
});

describe("a page that is opened while a run is under way", () => {
  const opened = async (...runs: ReturnType<typeof liveRun>[]) => {
    engine.answers.list = () => runs;
    const again = new Studio(fake.bridge);
    await again.start();
    return again;
  };

  it("shows that run", async () => {
    expect(await opened(liveRun())).toMatchObject({ screen: "live", training: { state: "preparing", directory: "/runs/one", trainsHere: true } });
    expect(engine.paramsOf("watch")).toEqual([{ run: "id", from: 0 }]);
  });

  it("shows this app's own rather than one that it followed", async () => {
    const again = await opened(liveRun({ run: "theirs", directory: "/runs/theirs", owner: owner() }), liveRun());
    expect(again.training.directory).toBe("/runs/one");
    expect((await opened(liveRun({ directory: "/runs/theirs", owner: owner() }))).training).toMatchObject({ directory: "/runs/theirs", trainsHere: false });
  });
});

describe("duplicating a run", () => {
  const row = () => studio.bench.all[0]!.row;

  it("fills the form with the recipe that it began with, on its data, and trains nothing", async () => {
    engine.answers.recipeOf = () => ({ ...studentRecipe, train: { ...studentRecipe.train, epochs: 7 } });
    await studio.duplicate(row());
    expect(engine.paramsOf("recipeOf")).toEqual([{ directory: "/runs/one", kind: "compare" }]);
    expect(studio).toMatchObject({ screen: "setup", setup: { sweep: { chosen: "one" }, result: { recipe: { train: { epochs: 7 } } } } });
    expect(engine.paramsOf("start")).toEqual([]);
  });

  it("sets up a sweep over labels or a search as it was", async () => {
    engine.answers.recipeOf = () => studentRecipe;
    await studio.duplicate({ ...row(), kind: "labels", asked: 6, byLabels: [{ labelled: 250 }, { labelled: 500 }] as never });
    expect(engine.paramsOf("recipeOf").at(-1)).toMatchObject({ kind: "compare" });
    expect(studio.setup.sweep.remembered).toMatchObject({ kind: "labels", labels: "250, 500", seeds: "3" });
    await studio.duplicate({ ...row(), kind: "search", asked: 12, trialBatches: null });
    expect(studio.setup.sweep.remembered).toMatchObject({ kind: "search", trials: "12", batches: "" });
  });

  it("says where its data cannot be used, and keeps those chosen before", async () => {
    engine.answers.recipeOf = () => ({ ...studentRecipe, data: { ...studentRecipe.data, path: "/gone" } });
    engine.answers.dataInfo = () => Promise.reject(failure("/gone does not exist"));
    await studio.duplicate(row());
    expect(studio).toMatchObject({
      data: { path: "bundled" },
      screen: "setup",
      message: { kind: "caution", text: expect.stringContaining("/gone does not exist") },
    });
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

  it("several runs are reported on side by side", async () => {
    const row = studio.bench.all[0]!.row;
    await studio.exportReport(together([row, { ...row, name: "two", arms: [{ ...row.arms[0]!, directory: "/runs/two/control" }] }]), "csv");
    expect(fake.argsOf("chooseReportFile").at(-1)).toEqual(["csv", expect.stringMatching(/-one-and-1-more$/)]);
    expect(engine.paramsOf("report").at(-1)).toMatchObject({ runs: [...row.arms.map(({ directory }) => directory), "/runs/two/control"] });
  });

  it("what goes wrong is said", async () => {
    engine.answers.report = () => Promise.reject(failure("the disk is full"));
    await studio.exportReport(studio.runs.groups[0]!, "html");
    expect(studio.message).toEqual({ kind: "problem", text: "The disk is full" });
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
    fake.command("setup");
    expect(studio.screen).toBe("setup");
    fake.command("start");
    await settle();
    studio.training.state = "running";
    fake.command("pause");
    fake.command("stop");
    await settle();
    expect(engine.paramsOf("control")).toMatchObject([{ action: "pause" }, { action: "stop" }]);
  });

  it("says that the app ends, which the run's checkpoint delays", () => {
    expect(studio.ending).toBe(false);
    fake.end();
    expect(studio.ending).toBe(true);
  });
});
