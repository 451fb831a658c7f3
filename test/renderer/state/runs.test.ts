import { beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import type { ArmName } from "../../../src-main/contract/arms";
import type { RunState } from "../../../src-main/contract/run";
import {
  epochsInWords,
  figureOf,
  groupDifference,
  groupRuns,
  groupState,
  lastSignInWords,
  memberInWords,
  ownerInWords,
  Runs,
  recipeOf,
  whereaboutsOf,
} from "../../../src-renderer/state/runs.svelte";
import { sealOf } from "../../../src-renderer/state/seal";
import { controlRecipe, deferred, details, FakeEngine, failure, fakeBridge, owner, startedEngine, studentRecipe, summary } from "../fakes";

const groupOf = (...arms: Parameters<typeof groupRuns>[0]) => groupRuns(arms)[0]!;

describe("groups", () => {
  it("hold the arms of one folder, control first, newest group first", () => {
    expect(groupOf(summary("single", { name: " ", directory: "/runs/two" })).name).toBe("two");
    const groups = groupRuns([
      summary("student", { started: "2026-11-24T09:06:00Z" }),
      summary("control"),
      summary("single", { directory: "/runs/two", name: "two", started: "2026-11-25T09:05:00Z" }),
    ]);
    expect(groups.map(({ directory, name, started, arms }) => [directory, name, started, arms.map(({ arm }) => arm)])).toEqual([
      ["/runs/two", "two", "2026-11-25T09:05:00Z", ["single"]],
      ["/runs/one", "one", "2026-11-24T09:05:00Z", ["control", "student"]],
    ]);
  });

  it.each<[RunState[], RunState]>([
    [["finished", "finished"], "finished"],
    [["finished", "running"], "running"],
    [["running", "failed"], "failed"],
    [["paused", "finished"], "paused"],
    [["stopped", "finished"], "stopped"],
    [["finished"], "stopped"],
  ])("of arms that are %j are %s", (states, state) => {
    const arms: ArmName[] = ["control", "student"];
    expect(groupState(states.map((each, index) => summary(arms[index]!, { state: each })))).toBe(state);
  });

  it("of one finished model are finished", () => {
    expect(groupState([summary("single")])).toBe("finished");
  });
});

describe("figures side by side", () => {
  const control = summary("control", { testAcc: 0.4 });

  it("of a finished comparison need no epoch, and have a difference", () => {
    const group = groupOf(control, summary("student"));
    expect(figureOf(group, "student")).toEqual({ testAcc: 0.5, byEpoch: null });
    expect(groupDifference(group)).toBeCloseTo(0.1);
    expect(epochsInWords(group)).toBe("2 of 2 epochs");
    expect(epochsInWords(groupOf(summary("single", { epochs: 1, epochsDone: 1 })))).toBe("1 of 1 epoch");
  });

  it("of three arms are all there, and epochs of all are named", () => {
    const same = summary("same-images", { testAcc: 0.45 });
    const group = groupOf(summary("student"), control, same);
    expect(group.arms.map(({ arm }) => arm)).toEqual(["control", "same-images", "student"]);
    expect(figureOf(group, "same-images")).toEqual({ testAcc: 0.45, byEpoch: null });
    expect(epochsInWords(groupOf(control, same, summary("student", { epochsDone: 1 })))).toBe("2, 2 and 1 of 2 epochs");
  });

  it("of unequal epochs are named, and never subtracted", () => {
    const group = groupOf(control, summary("student", { state: "stopped", epochsDone: 1 }));
    expect(figureOf(group, "control")).toEqual({ testAcc: 0.4, byEpoch: 2 });
    expect(figureOf(group, "student")).toEqual({ testAcc: 0.5, byEpoch: 1 });
    expect(groupDifference(group)).toBeNull();
    expect(epochsInWords(group)).toBe("2 and 1 of 2 epochs");
  });

  it("of a control that was trained for longer are not subtracted either", () => {
    const group = groupOf(summary("control", { epochs: 5, epochsDone: 5 }), summary("student"));
    expect(groupDifference(group)).toBeNull();
    expect(figureOf(group, "control")?.byEpoch).toBe(5);
    expect(epochsInWords(group)).toBe("5 and 2 of 5 and 2 epochs");
  });

  it("are missing where an arm was not tested, or is not there", () => {
    const group = groupOf(summary("control", { testAcc: null }));
    expect([figureOf(group, "control"), figureOf(group, "student"), groupDifference(group)]).toEqual([null, null, null]);
  });
});

describe("where a run is trained", () => {
  const now = Date.parse("2026-11-24T10:00:00Z");
  const ownedGroup = (values: Parameters<typeof owner>[0]) => groupOf(summary("control"), summary("student", { owner: owner(values) }));
  const recent = { lastSign: "2026-11-24T09:59:50Z" };

  it.each<[string, ReturnType<typeof groupOf>, string | null, ReturnType<typeof whereaboutsOf>]>([
    ["without an owner", groupOf(summary("control")), null, "nowhere"],
    ["by a process that is alive", ownedGroup(recent), null, "elsewhere"],
    ["by this app", ownedGroup(recent), "/runs/one", "here"],
    ["in this app's sweep", ownedGroup(recent), "/runs", "here"],
    ["while this app trains another", ownedGroup(recent), "/runs/two", "elsewhere"],
    ["by a process that has been silent", ownedGroup({ lastSign: "2026-11-24T09:58:00Z" }), null, "unknown"],
    ["on another computer", ownedGroup({ ...recent, host: "ada" }), null, "unknown"],
  ])("%s", (_, group, trained, where) => {
    expect(whereaboutsOf(group, trained, now)).toBe(where);
  });

  it("is said in words", () => {
    expect(ownerInWords(owner())).toBe("in the command line, process 123");
    expect(ownerInWords(owner({ program: "app", host: "ada" }))).toBe("in another copy of the app on ada, process 123");
    expect(lastSignInWords(owner({ lastSign: "2026-11-24T09:05:00Z" }))).toMatch(/^last sign of life 24 Nov 2026, \d\d:\d\d$/);
  });
});

it("a comparison of a sweep names its seed", () => {
  const memberOf = (directory: string) => memberInWords(groupOf(summary("control", { directory })));
  expect(memberOf("/runs/sweep/seed-8/control")).toBe("seed 8");
  expect(memberOf("/runs/sweep/labels-250/seed-8/control")).toBe("250 labels, seed 8");
  expect(memberInWords(groupOf(summary("single", { directory: "/runs/search/trial-003" })))).toBe("trial 3");
  expect(memberOf("/runs/one/control")).toBeNull();
});

describe("the recipe of arms", () => {
  it("is that of the one model", () => {
    expect(recipeOf([details("single")])).toBe(details("single").recipe);
  });

  it("is the student's with the control's settings", () => {
    const recipe = { ...controlRecipe, train: { ...controlRecipe.train, learningRate: 0.5 } };
    expect(recipeOf([details("control", { recipe }), details("student")])).toEqual({ ...studentRecipe, control: { train: recipe.train } });
  });

  it("is not known before the student has begun", () => {
    expect(recipeOf([details("control")])).toBeNull();
  });
});

describe("the list", () => {
  let engine: FakeEngine;
  let runs: Runs;
  let exported: string | null;
  let argsOf: (call: string) => unknown[][];

  beforeEach(async () => {
    engine = new FakeEngine({
      listRuns: () => [summary("control"), summary("student")],
      readCourse: ({ directory }) => details((directory as string).endsWith("control") ? "control" : "student"),
      report: ({ out }) => ({ path: out }),
    });
    exported = "/home/report.html";
    const fake = fakeBridge(engine, () => exported);
    argsOf = fake.argsOf;
    runs = new Runs(
      fake.bridge,
      await startedEngine(fake.bridge),
      () => "/runs",
      () => null,
    );
  });

  it("is read from the runs folder", async () => {
    expect(runs.loading).toBe(true);
    await runs.refresh();
    expect(engine.paramsOf("listRuns")).toEqual([{ directory: "/runs" }]);
    expect(runs).toMatchObject({ loading: false, problem: null, groups: [{ name: "one" }] });
  });

  it("says why it could not be read", async () => {
    engine.answers.listRuns = () => Promise.reject(failure("/runs is not a folder"));
    await runs.refresh();
    expect(runs).toMatchObject({ loading: false, problem: "/runs is not a folder" });
  });

  it("is refreshed every few seconds while somebody asks for that", async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    engine.answers.listRuns = () => [summary("single", { owner: owner() })];
    const stop = runs.keepFresh();
    expect(engine.paramsOf("listRuns")).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(15_000);
    expect(engine.paramsOf("listRuns").length).toBeGreaterThan(1);
    expect(runs.areLiveElsewhere).toBe(true);
    engine.answers.listRuns = () => [summary("single")];
    await vi.advanceTimersByTimeAsync(10_000);
    expect(runs.areLiveElsewhere).toBe(false);
    stop();
    const before = engine.calls.length;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(engine.calls).toHaveLength(before);
  });

  it("keeps why a run could not be opened while the list is refreshed, and asks once at a time", async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    await runs.refresh();
    engine.answers.readCourse = () => Promise.reject(failure("its files are damaged"));
    await runs.look(runs.groups[0]!);
    await runs.checked();
    onTestFinished(runs.keepFresh());
    await vi.advanceTimersByTimeAsync(7000);
    expect(engine.paramsOf("listRuns")).toHaveLength(2);
    expect(runs.problem).toBe("Its files are damaged");
    engine.answers.listRuns = () => new Promise(() => {});
    await vi.advanceTimersByTimeAsync(60_000);
    expect(engine.paramsOf("listRuns")).toHaveLength(3);
  });

  it("shows the curves of a run before its evidence has been checked", async () => {
    const evidence = deferred<unknown>();
    engine.answers.readEvidence = () => evidence.promise;
    engine.answers.readCourse = ({ directory }) => {
      const { evidence: _, ...course } = details((directory as string).endsWith("control") ? "control" : "student");
      return course;
    };
    await runs.refresh();
    const looking = runs.look(runs.groups[0]!);
    expect(runs.opening).toBe(runs.groups[0]!.directory);
    await looking;
    expect(runs).toMatchObject({ opening: null, problem: null });
    const { curves } = runs.open!;
    expect(curves.arms.map(({ batches, linked }) => [batches, linked])).toEqual([
      [4, 0],
      [4, 0],
    ]);
    expect(sealOf(curves, runs.open!.facts, true)?.words).toBe("Checking the evidence");
    engine.answers.readEvidence = () => details("student").evidence;
    evidence.resolve(details("control").evidence);
    await runs.checked();
    expect(sealOf(curves, runs.open!.facts, true)?.words).toBe("Same start, same batches");
  });

  it("reads no further in a run that was left", async () => {
    const evidence = deferred<unknown>();
    engine.answers.readEvidence = () => evidence.promise;
    await runs.refresh();
    await runs.look(runs.groups[0]!);
    runs.close();
    evidence.resolve(details("control").evidence);
    await runs.checked();
    expect([engine.paramsOf("readEvidence").length, engine.paramsOf("comparison").length]).toEqual([1, 0]);
  });

  it("says why the evidence of a run could not be read", async () => {
    engine.answers.readEvidence = () => Promise.reject(failure("evidence.jsonl cannot be read"));
    await runs.refresh();
    await runs.look(runs.groups[0]!);
    await runs.checked();
    await runs.checked();
    expect(runs.problem).toBe("evidence.jsonl cannot be read");
  });

  it("opens a run with its curves, and closes it", async () => {
    await runs.refresh();
    await runs.look(runs.groups[0]!);
    await runs.checked();
    expect(runs.open?.curves.arms.map(({ arm }) => arm)).toEqual(["control", "student"]);
    runs.close();
    expect(runs.open).toBeNull();
  });

  it("writes a report where the user says, under a name that sorts", async () => {
    await runs.refresh();
    expect(await runs.exportReport(runs.groups[0]!, "html")).toBe("/home/report.html");
    expect(argsOf("chooseReportFile")).toEqual([["html", expect.stringMatching(/^2026-11-24-\d{4}-one$/)]]);
    expect(engine.paramsOf("report")).toEqual([{ runs: ["/runs/one/control", "/runs/one/student"], format: "html", out: "/home/report.html" }]);
    exported = null;
    expect(await runs.exportReport(runs.groups[0]!, "csv")).toBeNull();
    expect(engine.paramsOf("report")).toHaveLength(1);
    expect(argsOf("printReport")).toEqual([]);
  });

  it("prints a document from the page that the engine writes", async () => {
    await runs.refresh();
    exported = "/home/report.pdf";
    expect(await runs.exportReport(runs.groups[0]!, "pdf")).toBe("/home/report.pdf");
    expect(engine.paramsOf("report")).toEqual([expect.objectContaining({ format: "html", out: "/tmp/page.html" })]);
    expect(argsOf("printReport")).toEqual([["/home/report.pdf"]]);
  });
});
