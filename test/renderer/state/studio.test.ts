import { beforeEach, describe, expect, it } from "vitest";
import type { ArmName } from "../../../src-main/contract/arms";
import type { Dropped } from "../../../src-renderer/state/drop";
import { together } from "../../../src-renderer/state/exports";
import type { RunGroup } from "../../../src-renderer/state/runs.svelte";
import { Studio } from "../../../src-renderer/state/studio.svelte";
import { deferred, details, FakeEngine, failure, fakeBridge, liveRun, owner, settle, studentRecipe, summary } from "../fakes";

const info = { format: "cifar10-binary", classes: ["cat", "dog"], thumbnails: [], train: { count: 5000 } };

let engine: FakeEngine;
let fake: ReturnType<typeof fakeBridge>;
let studio: Studio;
/** Of the run that is watched. */
let end: ReturnType<typeof deferred<unknown>>;

beforeEach(async () => {
  end = deferred();
  engine = new FakeEngine({
    dataInfo: () => info,
    models: () => [{ name: "vit" }],
    doctor: () => ({}),
    listRuns: () => [summary("control"), summary("student")],
    readCourse: ({ directory }) => details((directory as string).split("/").at(-1) as ArmName),
    predict: ({ images }: { images: { path: string }[] }) => ({
      classes: ["cat", "dog"],
      images: images.map(({ path }) => ({ path, logits: [1, 2], probabilities: [] })),
      unreadable: [],
    }),
    recipeOf: () => studentRecipe,
    start: ({ out }) => ({ run: "id", directory: out }),
    watch: () => end.promise,
    list: () => [],
    control: () => ({ state: "stopping" }),
    deleteRun: () => ({ deleted: 2, kept: [] }),
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

it("an engine that is started again reads what is missing, and what may have changed", async () => {
  const before = engine.calls.length;
  await studio.restartEngine();
  expect(engine.calls.slice(before).map(({ method }) => method)).toEqual(["listRuns", "listFolders"]);
  engine.answers.dataInfo = () => Promise.reject(failure("gone"));
  await studio.data.open("/mine");
  studio.setup.models = [];
  await studio.restartEngine();
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
    expect(studio).toMatchObject({ screen: "live", message: null, unfinished: null });
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
    expect(studio).toMatchObject({ message: null, unfinished: null });
  });

  it("is not named over what else has to be said", async () => {
    list(summary("single", stopped));
    const environment = await fake.bridge.environment();
    fake.bridge.environment = async () => ({ ...environment, notice: "This copy is old." });
    await started();
    expect(studio).toMatchObject({ message: { text: "This copy is old." }, unfinished: { directory: "/runs/one" } });
  });

  it("is named by the screen Live alone after the engine that trained it has died", async () => {
    list(summary("control", stopped), summary("student", stopped));
    await started();
    studio.message = null;
    await studio.launch.resumeRow(studio.unfinished!);
    end.reject(failure("the engine ended", "ENGINE_DIED"));
    await studio.training.settled();
    await studio.restartEngine();
    expect(studio).toMatchObject({ message: null, unfinished: null, training: { state: "failed" } });
  });
});

describe("a connection that was lost and is there again", () => {
  const breakOff = () => {
    const before = end;
    end = deferred();
    before.reject(failure("the connection to the server broke", "DISCONNECTED"));
    fake.again();
  };
  beforeEach(async () => {
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
    expect(studio).toMatchObject({ training: { state: "idle" }, message: { action: { label: "Resume one" } }, unfinished: { directory: "/runs/one" } });
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

describe("training", () => {
  it("starts with what the form says, once", async () => {
    await Promise.all([studio.launch.start(), studio.launch.start()]);
    expect(engine.paramsOf("start")).toHaveLength(1);
    expect(studio.screen).toBe("live");
  });

  it("does not start with a form that has a problem", async () => {
    studio.setup.set("train.epochs", "many");
    await studio.launch.start();
    expect(studio.screen).toBe("data");
  });

  it("does not start with a teacher that cannot teach the data: the form is shown, which says why", async () => {
    engine.answers.checkTeacher = () => ({ model: "", imageSize: 32, problem: "other classes", warnings: [] });
    studio.setup.usePreset("quick-look");
    await studio.launch.start();
    expect([studio.screen, studio.setup.teacherCheck.problem]).toEqual(["setup", "Other classes"]);
    expect(engine.paramsOf("start")).toEqual([]);
    engine.answers.checkTeacher = ({ weights }: { weights: string }) => ({
      model: "resnet18",
      imageSize: 64,
      problem: weights === "bundled" ? "x" : null,
      warnings: [],
    });
    await studio.chooseTeacher();
    expect(studio.setup.result.recipe!.teacher).toMatchObject({ model: "resnet18", weights: "/picked", imageSize: 64 });
    await studio.takeTeacherFrom(studio.runs.groups[0]!);
    expect(studio.setup.value("teacher.weights")).toBe("/runs/one/student/student.safetensors");
    await studio.launch.start();
    expect(studio.screen).toBe("live");
  });

  it("a run that ended before it began has nothing to resume, and the data are looked at again", async () => {
    await studio.launch.start();
    engine.answers.dataInfo = () => Promise.reject(failure("/leaves does not exist"));
    end.reject(failure("/leaves does not exist"));
    await studio.training.settled();
    await settle();
    expect(studio).toMatchObject({ training: { state: "failed", neverBegan: true }, data: { reading: { kind: "failed", message: "/leaves does not exist" } } });
  });

  it("a start that the engine refuses is said where the user is", async () => {
    engine.answers.start = () => Promise.reject(failure("the runs folder cannot be written to"));
    await studio.launch.start();
    expect(studio).toMatchObject({ screen: "data", message: { kind: "problem", text: "The runs folder cannot be written to" } });
  });

  it("a kept run is resumed on the screen Live, and once more from there", async () => {
    await studio.launch.resume(studio.runs.groups[0]!);
    expect(engine.paramsOf("start")).toMatchObject([{ out: "/runs/one", resume: true }]);
    expect(studio.screen).toBe("live");
    end.reject(failure("stopped", "INTERRUPTED"));
    await studio.training.settled();
    await studio.launch.resumeLast();
    expect(engine.paramsOf("start")).toMatchObject([{}, { out: "/runs/one", resume: true }]);
  });

  it("a comparison whose student never began is resumed with the recipe that it was asked for", async () => {
    await studio.launch.resume({ ...studio.runs.groups[0]!, arms: [summary("control")] });
    expect(engine.paramsOf("recipeOf")).toEqual([{ directory: "/runs/one", kind: "compare" }]);
    expect(engine.paramsOf("start")).toMatchObject([{ kind: "compare", recipe: studentRecipe, out: "/runs/one", resume: true }]);
    expect(studio).toMatchObject({ screen: "live", message: null });
  });

  it("one arm that distills is resumed as one arm, also from the screen Live", async () => {
    await studio.launch.resume({ ...studio.runs.groups[0]!, arms: [summary("single")] });
    end.reject(failure("stopped", "INTERRUPTED"));
    await studio.training.settled();
    await studio.launch.resumeLast();
    expect(engine.paramsOf("start")).toMatchObject([
      { kind: "train", recipe: studentRecipe },
      { kind: "train", recipe: studentRecipe },
    ]);
  });

  it("a run of which a part cannot be read is resumed all the same, which restores it", async () => {
    engine.answers.readCourse = ({ directory }) => ((directory as string).endsWith("control") ? details("control") : Promise.reject(failure("unreadable")));
    await studio.launch.resume(studio.runs.groups[0]!);
    expect(studio).toMatchObject({ screen: "live", message: null });
    expect(studio.training.curves.arms.map(({ arm }) => arm)).toEqual(["control"]);
  });

  it("its networks predict, found by their folder", async () => {
    await studio.launch.resume(studio.runs.groups[0]!);
    end.resolve({ student: {} });
    await studio.training.settled();
    await studio.predictWithLast();
    expect(studio).toMatchObject({ screen: "predict", prediction: { run: "/runs/one" } });
  });
});

describe("seeds", () => {
  const member = { ...summary("control", { directory: "/runs/one/seed-1/control", state: "stopped" }), sweep: { directory: "/runs/one", first: 0, seeds: 3 } };

  it("a comparison is started with as many as the form says", async () => {
    studio.setup.sweep.useSeeds(3);
    await studio.launch.start();
    expect(engine.paramsOf("start")).toMatchObject([{ kind: "compare", seeds: 3 }]);
  });

  it("one of a sweep is resumed with the whole sweep", async () => {
    engine.answers.listRuns = () => [member];
    await studio.runs.refresh();
    await studio.launch.resume(studio.runs.groups[0]!);
    expect(engine.paramsOf("recipeOf")).toEqual([{ directory: "/runs/one", kind: "compare" }]);
    expect(engine.paramsOf("start")).toEqual([{ kind: "compare", recipe: studentRecipe, out: "/runs/one", resume: true, takeOver: false }]);
    expect(studio.screen).toBe("live");
  });

  it("are added to a finished sweep, and what speaks against it is said", async () => {
    engine.answers.start = () => Promise.reject(failure("/runs/one is not finished: seed 2 of its 3 is open. Resume it first, then add seeds"));
    await studio.launch.addSeeds("/runs/one", 2);
    expect(engine.paramsOf("start")).toMatchObject([{ out: "/runs/one", resume: true, addSeeds: 2 }]);
    expect(studio).toMatchObject({ screen: "data", message: { kind: "problem", text: expect.stringContaining("Resume it first") } });
    engine.answers.start = ({ out }) => ({ run: "id", directory: out });
    await studio.launch.addSeeds("/runs/one", 2);
    expect(studio).toMatchObject({ screen: "live", message: null, training: { directory: "/runs/one" } });
  });

  it("a comparison of one seed is compared anew with several, in another folder", async () => {
    await studio.launch.compareSeveral("/runs/one");
    expect(engine.paramsOf("start")).toMatchObject([
      { recipe: studentRecipe, seeds: 3, resume: false, unique: true, out: expect.not.stringMatching(/^\/runs\/one$/) },
    ]);
    expect(studio.screen).toBe("live");
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

describe("a run that another process trains", () => {
  let theirs: RunGroup;

  beforeEach(async () => {
    engine.answers.listRuns = () => [summary("control", { state: "running", owner: owner() }), summary("student", { state: "running", owner: owner() })];
    engine.answers.attach = ({ directory }) => liveRun({ run: "theirs", directory, owner: owner() });
    await studio.runs.refresh();
    theirs = studio.runs.groups[0]!;
  });

  it("is watched", async () => {
    await studio.watch(theirs);
    expect(engine.paramsOf("attach")).toEqual([{ directory: "/runs/one" }]);
    expect(studio).toMatchObject({ screen: "live", training: { owner: { pid: 123 }, trainsHere: false } });
  });

  it("is stopped", async () => {
    await studio.stop(theirs);
    expect(engine.paramsOf("control")).toEqual([{ run: "theirs", action: "stop" }]);
  });

  it("may have ended in that moment", async () => {
    engine.answers.attach = () => null;
    engine.answers.listRuns = () => [summary("control"), summary("student")];
    await studio.watch(theirs);
    expect(studio).toMatchObject({
      message: { kind: "problem", text: "This run has just ended: nobody trains it any more." },
      runs: { groups: [{ owner: null }] },
    });
    await studio.stop(theirs);
    expect(engine.paramsOf("control")).toEqual([]);
  });

  it("that this app trains is on screen already", async () => {
    studio.training.follow(liveRun());
    await studio.watch(theirs);
    expect(studio.screen).toBe("live");
    expect(engine.paramsOf("attach")).toEqual([]);
  });

  describe("or of which nobody knows whether one does", () => {
    const refusal = "/runs/one may still be trained by process 123 on ada. If you know that it is gone, take the run over";

    beforeEach(async () => {
      const lost = owner({ host: "ada", lastSign: "2026-11-24T10:00:00Z" });
      engine.answers.listRuns = () => [summary("control", { owner: lost }), summary("student", { owner: lost })];
      engine.answers.start = ({ out, takeOver }) => (takeOver ? { run: "id", directory: out } : Promise.reject(failure(refusal, "PERHAPS_HELD")));
      await studio.launch.resume(theirs);
    });

    it("is taken over when the user says so, who is told what that means", async () => {
      expect(studio).toMatchObject({
        screen: "data",
        message: null,
        question: {
          title: "Take over one?",
          text: expect.stringMatching(/^This run may still be trained in the command line on ada, process 123 \(last sign of life 24 Nov 2026, .*is lost\.$/s),
        },
      });
      await studio.answer(true);
      expect(engine.paramsOf("start").at(-1)).toMatchObject({ out: "/runs/one", resume: true, takeOver: true });
      expect(studio).toMatchObject({ screen: "live", question: null });
    });

    it("is left alone otherwise", async () => {
      await studio.answer(false);
      expect(studio).toMatchObject({ question: null, training: { state: "idle" } });
      expect(engine.paramsOf("start")).toHaveLength(1);
      await studio.answer(true);
      expect(engine.paramsOf("start")).toHaveLength(1);
    });

    it("is taken over from the screen Live as well, even if it is not in the list", async () => {
      await studio.answer(true);
      end.reject(failure("the process that trains this run has ended", "ENGINE_DIED"));
      await studio.training.settled();
      engine.answers.listRuns = () => [];
      await studio.launch.resumeLast();
      expect(studio.question).toMatchObject({ title: "Take over one?", text: expect.stringContaining("may still be trained in another process.") });
      await studio.answer(true);
      expect(engine.paramsOf("start").at(-1)).toMatchObject({ takeOver: true });
    });
  });
});

describe("deleting a run", () => {
  beforeEach(async () => {
    await studio.predictWith(studio.runs.groups[0]!);
    studio.show("runs");
    await studio.runs.look(studio.runs.groups[0]!);
    await studio.runs.checked();
    Object.assign(engine.answers, { binRun: () => ({ directory: "/runs/.bin/one" }), restoreRun: () => ({ directory: "/runs/one" }) });
  });

  it("moves it to the bin, says where that is, leaves nothing of it on any screen, and is undone by one click", async () => {
    const { listRuns } = engine.answers;
    engine.answers.listRuns = () => [];
    await studio.bin.take(studio.runs.groups[0]!);
    expect(engine.paramsOf("binRun")).toEqual([{ directory: "/runs/one", runs: "/runs" }]);
    expect(studio).toMatchObject({ runs: { open: null, groups: [] }, prediction: { run: null } });
    expect(studio.message).toMatchObject({ kind: "done", text: expect.stringMatching(/^one is in the bin, \/runs\/\.bin, where it takes as much room/) });
    engine.answers.listRuns = listRuns!;
    studio.message!.action!.run();
    await settle();
    expect(engine.paramsOf("restoreRun")).toEqual([{ directory: "/runs/.bin/one", runs: "/runs" }]);
    expect(studio).toMatchObject({ message: { text: "one is back." }, runs: { groups: [{ name: "one" }] } });
  });

  it("offers no undo any more once the run was brought back from the bin", async () => {
    await studio.bin.take(studio.runs.groups[0]!);
    await studio.bin.restore({ directory: "/runs/.bin/one", name: "one" });
    expect(studio.message).toEqual({ kind: "done", text: "one is back." });
  });

  it("with others: all are there and come back together; where one is refused, those before it can be brought back", async () => {
    const several = ["one", "two", "three"].map((name) => ({ directory: `/runs/${name}`, name }));
    await studio.bin.takeAll(several);
    expect(studio.message).toMatchObject({ kind: "done", text: expect.stringMatching(/^3 runs are in the bin, .* where they take as much room/) });
    studio.message!.action!.run();
    await settle();
    expect(engine.paramsOf("restoreRun")).toHaveLength(3);
    expect(studio.message).toMatchObject({ text: "3 runs are back." });
    engine.answers.binRun = ({ directory }: { directory: string }) =>
      directory === "/runs/two" ? Promise.reject(failure("/runs/two is being trained by process 5")) : { directory: "/runs/.bin/one" };
    await studio.bin.takeAll(several);
    expect(studio.message).toMatchObject({
      kind: "problem",
      text: expect.stringMatching(/^\/runs\/two is being trained by process 5\none is in the bin/),
      action: { label: "Undo" },
    });
  });

  it("that is refused is said", async () => {
    engine.answers.binRun = () => Promise.reject(failure("/runs/one is being trained by process 5"));
    await studio.bin.take(studio.runs.groups[0]!);
    expect(studio.message).toEqual({ kind: "problem", text: "/runs/one is being trained by process 5" });
  });

  it.each([
    [[], "The bin is empty."],
    [["/runs/.bin/one/a"], "The runs in the bin are deleted. 1 file that is not the program's stays in it: /runs/.bin/one/a"],
  ])("for good is asked about, and names what stays", async (kept, words) => {
    engine.answers.deleteRun = () => ({ deleted: 1, kept });
    engine.answers.listRuns = ({ directory }) => (directory === "/runs/.bin" ? [summary("single", { directory: "/runs/.bin/one" })] : []);
    await studio.withBench((bench) => bench.showBin());
    studio.bin.askToEmpty();
    expect(studio.question).toMatchObject({ title: "Delete the run in the bin for good?", text: expect.stringContaining("cannot be undone") });
    await studio.answer(false);
    expect(engine.paramsOf("deleteRun")).toEqual([]);
    studio.bin.askToEmpty();
    await studio.answer(true);
    expect(engine.paramsOf("deleteRun")).toEqual([{ directory: "/runs/.bin/one" }]);
    expect(studio).toMatchObject({ message: { kind: "done", text: words }, bench: { binned: null } });
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

describe("what is dropped", () => {
  const file = (name: string, type: string) => new File([], name, { type });

  const folder = (name: string): Dropped => ({ file: file(name, ""), isFolder: true });
  const loose = (name: string, type = ""): Dropped => ({ file: file(name, type), isFolder: false });
  const image = (name: string) => loose(name, "image/png");
  const said = () => studio.message?.text;

  it("an image is predicted, and so are several, each under its own name", async () => {
    await studio.files.take([image("cat.png")], null);
    expect(studio).toMatchObject({ screen: "predict", prediction: { picture: { name: "cat.png" } } });
    await studio.files.take([image("cat.png"), image("cat.png"), image("dog.png")], "predict");
    expect(engine.paramsOf("predict").at(-1)).toMatchObject({ images: [{ path: "cat.png" }, { path: "cat.png (2)" }, { path: "dog.png" }] });
    expect(studio.message).toBeNull();
  });

  it("of more images than are predicted at once it is said how many are taken, and of a mixture what is left out", async () => {
    await studio.files.take([...Array.from({ length: 70 }, (_, n) => image(`${n}.png`)), loose("notes.txt", "text/plain")], "predict");
    expect(engine.paramsOf("predict").at(-1)).toMatchObject({ images: { length: 60 } });
    expect(said()).toBe("The first 60 of 70 images are taken.\nLeft out of what was dropped: notes.txt.");
  });

  it("a folder becomes the data, wherever it falls but on the place for predictions, which asks", async () => {
    await studio.files.take([folder("images")], "data");
    expect(studio).toMatchObject({ screen: "data", data: { path: "/dropped/images" } });
    await studio.files.take([folder("others")], "predict");
    expect(studio.data.path).toBe("/dropped/images");
    expect(said()).toContain("A folder was dropped, others");
    studio.message!.action!.run();
    await settle();
    expect(studio.data.path).toBe("/dropped/others");
  });

  it("what cannot be data leaves the chosen data as they are", async () => {
    engine.answers.dataInfo = () => Promise.reject(failure("/dropped/run holds no images in a known layout"));
    await studio.files.take([folder("run")], "data");
    expect(said()).toBe("/dropped/run holds no images in a known layout\nThe data chosen before stay.");
    await studio.files.take([image("cat.png")], "data");
    expect(said()).toContain("Images alone are no data");
    await studio.files.take([folder("one"), folder("two")], "data");
    expect(said()).toContain("One folder at a time can be the data");
    expect(studio.data).toMatchObject({ path: "bundled", offered: null, info });
    expect(engine.paramsOf("predict")).toEqual([]);
  });

  it("weights become the teacher, or the student's start instead", async () => {
    const before = studio.setup.value("teacher.weights");
    await studio.files.take([loose("mine.safetensors")], "data");
    expect(studio).toMatchObject({ screen: "setup", data: { path: "bundled" } });
    expect(studio.setup.value("teacher.weights")).toBe("/dropped/mine.safetensors");
    studio.message!.action!.run();
    expect([studio.setup.value("teacher.weights"), studio.setup.value("student.weights")]).toEqual([before, "/dropped/mine.safetensors"]);
  });

  it("a recipe that is exported is the form's, and fills it again", async () => {
    studio.setup.set("train.epochs", "7");
    await studio.files.exportRecipe();
    expect(fake.argsOf("saveRecipe")).toEqual([[studio.setup.result.recipe]]);
    const text = studio.setup.recipeText!;
    studio.setup.usePreset("article");
    await studio.files.importRecipe(new File([text], "mine.json"));
    expect(studio.setup.result.recipe).toEqual(JSON.parse(text));
    expect(studio.setup.result.recipe!.train.epochs).toBe(7);
    expect(studio.message).toMatchObject({ kind: "done", text: "mine.json fills the form." });
    await studio.files.importRecipe(new File(['{"student": {"model": "none"}}'], "bad.json"));
    expect(studio.message).toMatchObject({ kind: "problem", text: expect.stringMatching(/bad.json is no recipe.*student.model: /s) });
    expect(studio.setup.recipeText).toBe(text);
    studio.setup.set("train.epochs", "none");
    await studio.files.exportRecipe();
    expect([studio.setup.recipeText, fake.argsOf("saveRecipe").length]).toEqual([null, 1]);
  });

  it("a recipe that leaves the size of its teacher's images to the weights gets it from them, and says so", async () => {
    const { imageSize: _, ...teacher } = { ...studentRecipe.teacher!, model: "resnet18", weights: "/my/teacher.safetensors" };
    engine.answers.checkTeacher = () => ({ model: "resnet18", imageSize: 160, problem: null, warnings: [] });
    await studio.files.importRecipe(new File([JSON.stringify({ ...studentRecipe, teacher })], "mine.json"));
    expect(studio.setup.value("teacher.imageSize")).toBe(160);
    expect(studio.message!.text).toBe(
      "mine.json fills the form.\nThe teacher is shown images of 160 px (teacher.imageSize), as the weights /my/teacher.safetensors say; the usual size of a resnet18 is 224 px.",
    );
  });

  it("a recipe fills the form, and a text that is none does not", async () => {
    const recipe = { ...studentRecipe, name: "by hand", data: { ...studentRecipe.data, path: "/elsewhere" } };
    const dropped = (text: string): Dropped => ({ file: new File([text], "recipe.json"), isFolder: false });
    await studio.files.take([dropped(JSON.stringify({ recipe }))], "predict");
    expect(studio.setup.text("name")).toBe("by hand");
    expect(studio.setup.result.recipe!.data.path).toBe("bundled");
    expect(said()).toBe("recipe.json fills the form. The recipe was made for other data (/elsewhere): it is used on those that are chosen.");
    for (const text of ["[]", "{", JSON.stringify({ student: { model: "none" } })]) {
      await studio.files.take([dropped(text)], null);
      expect(said()).toContain("The form stays as it is: recipe.json is no recipe");
      expect(studio.setup.text("name")).toBe("by hand");
    }
  });

  it("anything else is refused", async () => {
    await studio.files.take([loose("notes.txt", "text/plain")], "data");
    expect(said()).toContain("Nothing here takes notes.txt");
    await studio.files.take([folder("pathless")], "data");
    expect(said()).toContain("The folder pathless has no place on this computer");
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
