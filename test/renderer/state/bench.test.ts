/** The list of runs as a bench of recipes: rows, columns that differ, filter, order, baseline, curves in one chart. */
import { render } from "svelte/server";
import { beforeEach, describe, expect, it } from "vitest";
import type { ResolvedRecipe } from "../../../src-main/contract/recipe";
import type { ListedRun } from "../../../src-main/contract/run";
import { NOTHING_SAID, type RunFolder } from "../../../src-main/contract/run-folder";
import { againstBaseline, differenceInWords } from "../../../src-renderer/state/baseline";
import { Bench } from "../../../src-renderer/state/bench.svelte";
import { meanByEpoch } from "../../../src-renderer/state/overlay.svelte";
import { queueOf } from "../../../src-renderer/state/queue";
import { windowOf } from "../../../src-renderer/state/row-window";
import { type RunRow, rowInWords, rowsOf } from "../../../src-renderer/state/run-rows";
import { cellsOfRow } from "../../../src-renderer/state/run-settings";
import { groupRuns, Runs } from "../../../src-renderer/state/runs.svelte";
import { dotsOf } from "../../../src-renderer/state/search-dots";
import Overlaid from "../../../src-renderer/views/runs/Overlaid.svelte";
import { controlRecipe, details, epoch, FakeEngine, failure, fakeBridge, owner, startedEngine, studentRecipe, summary } from "../fakes";

const soft = (temperature: number, alpha: number, others: Partial<ResolvedRecipe> = {}): ResolvedRecipe => ({
  ...studentRecipe,
  distillation: { ...studentRecipe.distillation!, labels: 1 - alpha, terms: [{ kind: "soft", weight: alpha, temperature }] },
  ...others,
});

interface Made {
  student: number | null;
  recipe?: ResolvedRecipe;
  name?: string;
  values?: Partial<ListedRun>;
}
const comparison = (directory: string, { student, recipe = soft(4, 0.5), name = "one", values = {} }: Made): ListedRun[] => [
  summary("control", { directory: `${directory}/control`, testAcc: 0.4, name, recipe: { ...controlRecipe, train: recipe.train }, ...values }),
  summary("student", { directory: `${directory}/student`, testAcc: student, name, recipe, ...values }),
];
const seeded = (recipe: ResolvedRecipe, seed: number): ResolvedRecipe => ({ ...recipe, train: { ...recipe.train, seed } });
const sweep = (directory: string, students: readonly (number | null)[], recipe = soft(4, 0.5)): ListedRun[] =>
  students.flatMap((student, seed) => comparison(`${directory}/seed-${seed}`, { student, recipe: seeded(recipe, seed) }));

const folder = (directory: string, values: Partial<RunFolder> = {}): RunFolder => ({
  directory,
  about: NOTHING_SAID,
  asked: null,
  compared: null,
  search: null,
  problem: null,
  ...values,
});
const asked = (seeds: number, labels: number[] | null = null, trials: number | null = null): RunFolder["asked"] => ({
  seeds,
  labels,
  search: trials === null ? null : { trials, batches: 50, over: [] },
});
const compared = (difference: number, controlled = true): RunFolder["compared"] => ({
  difference,
  interval: [difference - 0.05, difference + 0.05],
  testImages: 1000,
  yardstick: null,
  controlled,
});

const rows = (runs: readonly ListedRun[], ...folders: RunFolder[]) => rowsOf(groupRuns(runs), folders, "/runs");
const rowOf = (...given: Parameters<typeof rows>): RunRow => rows(...given)[0]!;

describe("a row", () => {
  it("is a whole sweep, with means, the interval over its seeds, and how many are finished", () => {
    const row = rowOf(sweep("/runs/a", [0.5, 0.6, null]), folder("/runs/a", { asked: asked(4) }));
    expect(row).toMatchObject({
      kind: "seeds",
      directory: "/runs/a",
      asked: 4,
      finished: 2,
      state: "stopped",
      summary: { seeds: [0, 1], intervalOver: "seeds" },
    });
    expect(row.accuracy.student!.testAcc).toBeCloseTo(0.55, 12);
    expect(row.summary!.difference).toBeCloseTo(0.15, 12);
    expect(rowInWords(row)).toBe("one, over 2 of 4 seeds so far");
    expect(rowInWords(rowOf(sweep("/runs/a", [0.5, 0.6]), folder("/runs/a", { asked: asked(2) })))).toBe("one, over 2 seeds");
  });

  it("is the run itself for a comparison and a model, even if it is called like a seed beside the other runs", () => {
    expect(rows([...sweep("/runs", [0.5, 0.5]), summary("single", { directory: "/runs/alone" })]).map(({ kind, directory }) => [kind, directory])).toEqual([
      ["comparison", "/runs/seed-0"],
      ["comparison", "/runs/seed-1"],
      ["model", "/runs/alone"],
    ]);
  });

  it("has the interval over test images that was found, and whether the arms were proven alike, unless the arms say something else now", () => {
    const of = (difference: number, controlled = true) =>
      rowOf(comparison("/runs/a", { student: 0.5 }), folder("/runs/a", { asked: asked(1), compared: compared(difference, controlled) }));
    expect(of(0.1)).toMatchObject({ kind: "comparison", controlled: true, summary: { interval: [0.05, expect.closeTo(0.15)], intervalOver: "test images" } });
    expect(of(0.1, false).controlled).toBe(false);
    expect(of(0.3)).toMatchObject({ controlled: false, summary: { interval: null, difference: expect.closeTo(0.1) } });
  });

  it("of a sweep over labels has a point for each number, also for those that wait", () => {
    const runs = [...sweep("/runs/a/labels-50", [0.5, 0.6]), ...sweep("/runs/a/labels-250", [0.7])];
    const row = rowOf(runs, folder("/runs/a", { asked: asked(2, [50, 250, 500]) }), folder("/runs/a/labels-50", { asked: asked(2) }));
    expect(row).toMatchObject({ kind: "labels", asked: 6, finished: 3, summary: null });
    expect(row.byLabels.map(({ labelled, finished, summary }) => [labelled, finished, summary?.student.testAcc ?? null])).toEqual([
      [50, 2, 0.55],
      [250, 1, 0.7],
      [500, 0, null],
    ]);
    expect(queueOf(row).map(({ words, state }) => `${words}: ${state}`)).toEqual([
      "50 labels, seed 0: done",
      "50 labels, seed 1: done",
      "250 labels, seed 0: done",
      "250 labels, seed 1: waits",
      "500 labels, seed 0: waits",
      "500 labels, seed 1: waits",
    ]);
  });

  it("of a search has the best trial on the validation images, and says what runs and waits", () => {
    const trial = (number: number, values: Partial<ListedRun> = {}) => summary("single", { directory: `/runs/s/trial-00${number}`, ...values });
    const found = (number: number, lr: number, valAcc: number | null) => ({
      trial: number,
      directory: `/runs/s/trial-00${number}`,
      settings: { "train.learningRate": lr },
      valAcc,
      valLoss: 1,
    });
    const search = { images: 40, trials: [found(1, 1e-4, 0.5), found(2, 1e-1, null), found(3, 1e-3, 0.6)] };
    const runs = [trial(1), trial(2, { state: "failed" }), trial(3), trial(4, { state: "running", owner: owner() })];
    const row = rowOf(runs, folder("/runs/s", { asked: asked(1, null, 5), search }));
    expect(row).toMatchObject({ kind: "search", asked: 5, finished: 3, state: "running", trialBatches: 50, accuracy: { student: { testAcc: 0.6 } } });
    expect(queueOf(row).map(({ words, state }) => `${words}: ${state}`)).toEqual([
      "trial 1, learning rate 0.0001: done",
      "trial 2, learning rate 0.1: done",
      "trial 3, learning rate 0.001: done",
      "trial 4: runs",
      "trial 5: waits",
    ]);
    expect(dotsOf(search, "train.learningRate")).toEqual({
      points: [{ x: 1e-4, y: 0.5, name: "Trial 1" }],
      best: [{ x: 1e-3, y: 0.6, name: "Trial 3" }],
      names: null,
      isLog: true,
      diverged: 1,
    });
    expect(
      dotsOf({ ...search, trials: search.trials.map((one, i) => ({ ...one, settings: { optimizer: ["sgd", "adamw", "sgd"][i]! } })) }, "optimizer"),
    ).toMatchObject({
      names: ["adamw", "sgd"],
      isLog: false,
      points: [{ x: 1 }],
    });
  });
});

describe("the bench", () => {
  let engine: FakeEngine;
  let bench: Bench;
  let runs: Runs;
  let listed: ListedRun[];
  let folders: RunFolder[];

  beforeEach(async () => {
    listed = [
      ...comparison("/runs/first", { student: 0.5, name: "first", values: { started: "2026-11-24T09:00:00Z" } }),
      ...comparison("/runs/second", { student: 0.6, recipe: soft(8, 0.5), name: "second", values: { started: "2026-11-25T09:00:00Z" } }),
      ...comparison("/runs/third", { student: null, recipe: soft(8, 0.9), name: "third", values: { started: "2026-11-26T09:00:00Z", state: "stopped" } }),
    ];
    folders = [
      folder("/runs/first", { about: { name: null, note: "warm start", baseline: true }, compared: compared(0.1) }),
      folder("/runs/second", { compared: compared(0.2) }),
    ];
    engine = new FakeEngine({ listRuns: () => listed, listFolders: () => folders, describeRun: () => NOTHING_SAID });
    const { bridge } = fakeBridge(engine);
    const started = await startedEngine(bridge);
    runs = new Runs(
      bridge,
      started,
      () => "/runs",
      () => null,
    );
    bench = new Bench(started, runs, () => "/runs");
    await runs.refresh();
  });

  const names = () => bench.shown.map(({ row }) => row.name);

  it("has the settings that differ as columns, and those alone", () => {
    expect(bench.columns.map(({ label }) => label)).toEqual(["Alpha", "Temperature"]);
    expect(bench.shown.map(({ cells }) => [cells.get("distillation.alpha")!.text, cells.get("distillation.temperature")!.text])).toEqual([
      ["0.9", "8"],
      ["0.5", "8"],
      ["0.5", "4"],
    ]);
  });

  it("shows those columns that tell most runs apart, and the others on demand", async () => {
    const lengths = [1, 2, 3, 4, 5];
    listed = lengths.flatMap((n) =>
      comparison(`/runs/${n}`, {
        student: 0.5,
        recipe: soft(n, n / 10, { train: { ...studentRecipe.train, epochs: n, batchSize: n, learningRate: n > 4 ? 1 : 2, weightDecay: n / 10 } }),
      }),
    );
    await runs.refresh();
    expect(bench.columns).toHaveLength(6);
    expect(bench.shownColumns.map(({ label }) => label)).not.toContain("Learning rate");
    bench.showsAllColumns = true;
    expect(bench.shownColumns).toEqual(bench.columns);
  });

  it.each([
    ["alpha=0.5", ["second", "first"]],
    ["T=8 alpha<=0.5", ["second"]],
    ["temperature!=8", ["first"]],
    ["gain>=15", ["second"]],
    ["state=stopped", ["third"]],
    ["WARM", ["first"]],
    ["/runs", []],
    ["", ["third", "second", "first"]],
  ])("filtered by %j has %j", (text, expected) => {
    bench.filter = text;
    expect([names(), bench.unknownNames]).toEqual([expected, []]);
  });

  it("says of a name in a condition that no run has it", () => {
    bench.filter = "alpah=0.5";
    expect([names(), bench.unknownNames]).toEqual([[], ["alpah"]]);
  });

  it("is sorted by any column, figures from the highest and texts from A, and what has no value comes last", () => {
    bench.sortBy("gain", false);
    expect(names()).toEqual(["second", "first", "third"]);
    bench.sortBy("gain", false);
    expect(names()).toEqual(["first", "second", "third"]);
    bench.sortBy("name", true);
    expect(names()).toEqual(["first", "second", "third"]);
    bench.sortBy("distillation.alpha", false);
    expect(names()).toEqual(["third", "second", "first"]);
  });

  it("says what a run changes against the baseline, and how much better its student is", () => {
    const [third, second, first] = bench.shown.map((one) => bench.against(one));
    expect(first).toBeNull();
    expect(second).toMatchObject({ changes: ["T 4 → 8"], how: expect.stringContaining("1000 test images") });
    expect(differenceInWords(second!)).toBe("+10.0 points (95 %: +5.7 to +14.3)");
    expect(third).toMatchObject({ changes: ["α 0.5 → 0.9", "T 4 → 8"], difference: null });
  });

  it("compares runs of several seeds seed by seed, and runs on other test images not at all", async () => {
    const other = soft(8, 0.5, { data: { ...studentRecipe.data, testLimit: 5 } });
    listed = [
      ...sweep("/runs/a", [0.5, 0.52, 0.54]),
      ...sweep("/runs/b", [0.55, 0.58, 0.58], soft(8, 0.5)),
      ...comparison("/runs/c", { student: 0.9, recipe: other }),
    ];
    folders = [folder("/runs/a", { asked: asked(3), about: { ...NOTHING_SAID, baseline: true } }), folder("/runs/b", { asked: asked(3) })];
    await runs.refresh();
    const against = (directory: string) => bench.against(bench.all.find(({ row }) => row.directory === directory)!)!;
    expect(against("/runs/b")).toMatchObject({ difference: expect.closeTo(0.05), interval: [expect.closeTo(0.025, 3), expect.closeTo(0.075, 3)] });
    expect(against("/runs/c")).toMatchObject({ difference: null, how: expect.stringContaining("other images") });
  });

  it("has one baseline: the one before is none any more", async () => {
    await bench.setBaseline(bench.rowAt("/runs/second")!, true);
    expect(engine.paramsOf("describeRun")).toEqual([
      { directory: "/runs/first", baseline: false },
      { directory: "/runs/second", baseline: true },
    ]);
  });

  it("keeps name and note in the run's folder; the recipe's own name is no other name", async () => {
    const row = bench.rowAt("/runs/second")!;
    await bench.describe(row, "warmer", "T 8");
    await bench.describe(row, studentRecipe.name, "");
    expect(engine.paramsOf("describeRun")).toEqual([
      { directory: "/runs/second", name: "warmer", note: "T 8" },
      { directory: "/runs/second", name: null, note: "" },
    ]);
  });

  it("lays the curves of the chosen runs over each other, and says which cannot be read", async () => {
    engine.answers.readCourse = ({ directory }: { directory: string }) =>
      directory.startsWith("/runs/third")
        ? Promise.reject(failure("it is gone"))
        : details("student", { epochRecords: [epoch(1, 0.25), epoch(2, null), epoch(3, 0.5)] });
    for (const { row } of bench.shown) bench.choose(row.directory, true);
    await bench.overlay.open(bench.chosenRows);
    expect(bench.overlay.runs!.map(({ name }) => name)).toEqual(["second", "first"]);
    expect(bench.overlay.runs![0]!.points).toEqual([
      { x: 1, y: 0.25 },
      { x: 3, y: 0.5 },
    ]);
    expect(bench.overlay.problems).toEqual(["third: It is gone"]);
    bench.chooseNone();
    expect([bench.chosenRows, bench.overlay.runs]).toEqual([[], null]);
  });

  it("takes a deleted run out of the open curves until it is back, and draws a sweep anew without its deleted seed", async () => {
    const before = [...listed, ...sweep("/runs/a", [0.5, 0.7])];
    folders = [...folders, folder("/runs/a", { asked: asked(2) })];
    listed = before;
    await runs.refresh();
    const accuracyIn = (directory: string) => (directory.includes("seed-1") ? 0.75 : 0.25);
    engine.answers.readCourse = ({ directory }: { directory: string }) => details("student", { epochRecords: [epoch(1, accuracyIn(directory))] });
    Object.assign(engine.answers, { binRun: () => ({ directory: "/runs/.bin/x" }), restoreRun: () => ({ directory: "/runs/first" }) });
    for (const directory of ["/runs/first", "/runs/a"]) bench.choose(directory, true);
    await bench.overlay.open(bench.chosenRows);
    const shown = () => Object.fromEntries(bench.overlaid.map(({ directory, points }) => [directory, points[0]!.y]));
    expect(shown()).toEqual({ "/runs/first": 0.25, "/runs/a": 0.5 });
    listed = before.filter(({ directory }) => !directory.startsWith("/runs/first/"));
    const undo = await bench.delete("/runs/first");
    expect(shown()).toEqual({ "/runs/a": 0.5 });
    listed = before;
    await undo();
    expect(shown()).toEqual({ "/runs/first": 0.25, "/runs/a": 0.5 });
    listed = before.filter(({ directory }) => !directory.startsWith("/runs/a/seed-0/"));
    await bench.delete("/runs/a/seed-0");
    expect(shown()).toEqual({ "/runs/first": 0.25, "/runs/a": 0.75 });
  });

  it("warns in the chart of runs that were tested on different images", async () => {
    const on = (path: string) => ({ ...soft(4, 0.5), data: { ...soft(4, 0.5).data, path } });
    listed = [...comparison("/runs/x", { student: 0.5, name: "x", recipe: on("/my/photos") }), ...comparison("/runs/y", { student: 0.5, name: "y" })];
    await runs.refresh();
    engine.answers.readCourse = () => details("student", { epochRecords: [epoch(1, 0.25)] });
    await bench.overlay.open([bench.rowAt("/runs/x")!, bench.rowAt("/runs/y")!]);
    const chart = () => render(Overlaid, { props: { overlay: bench.overlay, runs: bench.overlaid } }).body;
    expect(chart()).toContain("These curves do not compare: the runs were tested on different images. x (photos), y (bundled).");
    await bench.overlay.open([bench.rowAt("/runs/y")!]);
    expect(chart()).not.toContain("do not compare");
  });

  it("shows what is left in the bin, and leaves it closed for who closes it while a run is brought back", async () => {
    Object.assign(engine.answers, { restoreRun: () => ({ directory: "/runs/x" }) });
    await bench.showBin();
    expect(engine.paramsOf("listRuns").at(-1)).toEqual({ directory: "/runs/.bin" });
    expect(bench.binned).toHaveLength(3);
    listed = listed.slice(0, 2);
    await bench.restore("/runs/.bin/second");
    expect(bench.binned).toHaveLength(1);
    const restored = bench.restore("/runs/.bin/first");
    bench.hideBin();
    await restored;
    expect(bench.binned).toBeNull();
  });

  it("opens a sweep as a whole, which follows the list, and another run with its curves", async () => {
    listed = sweep("/runs/a", [0.5, null]);
    folders = [folder("/runs/a", { asked: asked(2) })];
    await runs.refresh();
    await bench.look(bench.all[0]!.row);
    expect(bench.opened).toMatchObject({ directory: "/runs/a", finished: 1 });
    listed = sweep("/runs/a", [0.5, 0.6]);
    await runs.refresh();
    expect(bench.opened).toMatchObject({ finished: 2 });
    bench.close();
    expect(bench.opened).toBeNull();
  });
});

it.each([
  [[0.5], [0.5, 0.6, 0.7], "+10.0 points (no interval: 3 seeds against 1)"],
  [[0.5, 0.6, 0.7], [0.5], "−10.0 points (no interval: 1 seed against 3)"],
  [[0.5], [0.6], "+10.0 points (no interval: its answers to the test images are not kept)"],
])("a baseline of %j against %j says why there is no interval", (its, own, words) => {
  const of = (directory: string, students: number[]) => {
    const row = rowOf(sweep(directory, students), folder(directory, { asked: asked(students.length) }));
    return { row, cells: cellsOfRow(row) };
  };
  expect(differenceInWords(againstBaseline(of("/runs/a", its), of("/runs/b", own)))).toBe(words);
});

it("curves of several seeds are means over the epochs that all were tested after", () => {
  expect(meanByEpoch([[epoch(1, 0.25), epoch(2, 0.5)], [epoch(1, 0.75)]])).toEqual([{ x: 1, y: 0.5 }]);
  expect(meanByEpoch([])).toEqual([]);
});

it("of a thousand rows those in sight are in the page, and some around them", () => {
  const of = (top: number, height = 700) => windowOf({ rows: 1000, rowHeight: 70, top, height });
  expect(of(0)).toEqual({ from: 0, to: 18, before: 0, after: 982 * 70 });
  expect(of(35_000)).toEqual({ from: 492, to: 518, before: 492 * 70, after: 482 * 70 });
  expect(of(1e9)).toEqual({ from: 982, to: 1000, before: 982 * 70, after: 0 });
  expect(windowOf({ rows: 3, rowHeight: 70, top: 0, height: 0 })).toEqual({ from: 0, to: 3, before: 0, after: 0 });
});
