// A random search: trials of one arm, judged on validation images.
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import type { NoticeBody } from "../../src-main/contract/notices";
import { parseRecipe } from "../../src-main/contract/parse-recipe";
import type { Recipe } from "../../src-main/contract/recipe";
import type { SearchResult } from "../../src-main/contract/run";
import { withSample } from "../../src-main/contract/search-space";
import { Run, type RunRequest } from "../../src-main/engine/run";
import { SameThread } from "../../src-main/engine/trainer-thread";
import { deleteRun } from "../../src-main/runs/delete";
import { searchFiles } from "../../src-main/runs/files";
import { readRun } from "../../src-main/runs/reader";
import { recipeOfRun } from "../../src-main/runs/request";
import { useBackend } from "../../src-main/tensor/tensor";
import { experimentFolder, nobody, smallRecipe } from "./experiment";

let folder: ReturnType<typeof experimentFolder>;
let recipe: Recipe;
beforeAll(() => {
  useBackend(loadAddon());
  folder = experimentFolder();
  const small = smallRecipe(folder.teacher, { optimizer: "sgd", learningRate: 0.01 });
  recipe = { ...small, data: { ...small.data, trainLimit: 60 } };
});
afterAll(() => folder.remove());

/** Very unlike: with the second, the loss soon is no number. */
const OVER = ["distillation.labels=choice:1,1000000", "distillation.temperature=log:0.1:10"];
const ASKED = { trials: 4, batches: 5, over: OVER };

const start = (out: string, more: Partial<RunRequest> = {}) =>
  new Run({ kind: "search", recipe, out, resume: false, search: ASKED, ...more }, nobody, new SameThread());
async function search(out: string, more: Partial<RunRequest> = {}, onNotice: (notice: NoticeBody, run: Run) => void = () => {}) {
  const notices: NoticeBody[] = [];
  const run = start(out, more);
  const take = (notice: NoticeBody) => {
    notices.push(notice);
    onNotice(notice, run);
  };
  const ended = await run.watch(0, take).then(
    (result) => ({ result: result as SearchResult, code: null }),
    (error: { code: string }) => ({ result: null, code: error.code }),
  );
  return { ...ended, notices };
}
const refusal = (out: string, more: Partial<RunRequest>): string => {
  try {
    start(out, more).control("stop");
    return "none";
  } catch (error) {
    return (error as Error).message;
  }
};
const textOf = (out: string) => readFileSync(searchFiles(out).search, "utf8");

let whole: Awaited<ReturnType<typeof search>>;
beforeAll(async () => {
  whole = await search(folder.path("whole"));
});

describe("a search", () => {
  test("tries settings, and takes a trial that diverges as a result", () => {
    const { trials, best, images } = whole.result!;
    expect(trials.map(({ settings, valAcc }) => [settings["distillation.labels"], valAcc === null])).toEqual(
      trials.map(({ settings }) => [settings["distillation.labels"], settings["distillation.labels"] !== 1]),
    );
    expect(new Set(trials.map(({ valAcc }) => valAcc === null))).toEqual(new Set([true, false]));
    expect(best!.valAcc).toBe(Math.max(...trials.map(({ valAcc }) => valAcc ?? 0)));
    expect(best!.testAcc).toEqual(expect.any(Number));
    expect(images).toBe(10);
  });

  test("trains one arm in a folder of its own, for so many batches, with validation images held back", () => {
    const [trial] = whole.result!.trials.filter(({ valAcc }) => valAcc !== null);
    const run = readRun(trial!.directory);
    expect(run).toMatchObject({ arm: "single", state: "finished", recipe: { data: { validation: 10 }, train: { batches: 5 }, control: null } });
    expect(run.batches).toHaveLength(5);
    expect(run.recipe).toMatchObject({ distillation: withSample(recipe, trial!.settings).distillation });
  });

  test("says once what it varies and what it holds back, and never a trial's accuracy on test images", () => {
    const notes = whole.notices.flatMap((notice) => (notice.type === "note" || notice.type === "warning" ? [notice.text] : []));
    expect(notes.filter((text) => text.includes(OVER.join(", ")))).toHaveLength(1);
    expect(notes.filter((text) => text.includes("held back"))).toEqual([expect.stringContaining("10 of the training images are held back")]);
    expect(new Set(notes).size).toBe(notes.length);
    const epochs = whole.notices.flatMap((notice) => (notice.type === "epoch" ? [notice.record] : []));
    expect(epochs.length).toBeGreaterThan(0);
    expect(epochs.every(({ valAcc, testAcc }) => valAcc !== null && testAcc === null)).toBe(true);
    expect(textOf(folder.path("whole")).match(/testAcc/g)).toHaveLength(1);
  });

  test("ends with a recipe that has the best settings and nothing of the search's own, and with a report", () => {
    const { best, bestRecipe, report } = whole.result!;
    expect(parseRecipe(JSON.parse(readFileSync(bestRecipe!, "utf8")))).toEqual(withSample(recipe, best!.settings));
    const page = readFileSync(report, "utf8");
    expect(page).toContain(`Trial ${best!.trial} is the best`);
    expect(page.match(/<circle class="dot/g)).toHaveLength(2 * whole.result!.trials.filter(({ valAcc }) => valAcc !== null).length);
    expect(page.match(/<circle class="dot best/g)).toHaveLength(2);
    expect(page).toContain("diverged: their loss was no longer a finite number");
  });
});

describe("stopped and resumed", () => {
  test.each([2, 4])("as trial %i begins, it finds the same", async (trial) => {
    const index = trial - 1;
    const out = folder.path(`stopped-${trial}`);
    const stopped = await search(out, {}, (notice, run) => {
      if (notice.type === "member" && notice.index === index) run.control("stop");
    });
    expect(stopped.code).toBe("INTERRUPTED");
    expect(JSON.parse(textOf(out)).trials).toHaveLength(index);
    const { result, notices } = await search(out, { resume: true, search: {} });
    expect(textOf(out)).toBe(textOf(folder.path("whole")));
    expect(result!.trials.map(({ trial }) => trial)).toEqual([1, 2, 3, 4]);
    // Those that have ended are not trained again.
    expect(notices.filter(({ type }) => type === "member")).toHaveLength(4 - index);
  });

  test("without its search.json, by the folders of its trials", async () => {
    const out = folder.path("stopped-4");
    rmSync(searchFiles(out).search);
    await search(out, { resume: true });
    expect(textOf(out)).toBe(textOf(folder.path("whole")));
  });

  test("it may get more trials: the first are the same, whatever their number", async () => {
    const out = folder.path("more");
    await search(out, { search: { ...ASKED, trials: 2 } });
    expect(recipeOfRun(out, "search")).toEqual(recipe);
    const { result } = await search(out, { resume: true, search: { trials: 4 } });
    expect(result!.trials.map(({ settings, valAcc }) => [settings, valAcc])).toEqual(whole.result!.trials.map(({ settings, valAcc }) => [settings, valAcc]));
    expect(refusal(out, { resume: true, search: { trials: 3 } })).toContain("was begun with 4 trials, and now 3 are asked for");
  });
});

describe("refuses", () => {
  test.each<[string, Partial<RunRequest>, string]>([
    ["other batches", { resume: true, search: { batches: null } }, "was begun with 5 batches a trial, and now all are asked for"],
    ["another range", { resume: true, search: { over: OVER.slice(0, 1) } }, "was begun with --over distillation.labels=choice:1,1000000 --over"],
    ["a folder with a search", {}, "already exists"],
    ["what cannot be searched", { out: "elsewhere", search: { over: ["train.seed=uniform:0:9"] } }, "--over train.seed: seeds differ by chance alone"],
    ["a resumption as another run", { kind: "train", resume: true, search: ASKED }, "expected a run of the kind search, got train"],
  ])("%s", (_, more, words) => {
    expect(refusal(folder.path("whole"), { ...more, ...(more.out && { out: folder.path(more.out) }) })).toContain(words);
    expect(existsSync(folder.path("elsewhere"))).toBe(false);
  });

  test("another recipe on resuming", () => {
    const other = { ...recipe, train: { ...recipe.train, learningRate: 0.02 } };
    expect(refusal(folder.path("whole"), { resume: true, recipe: other })).toContain("was begun with another train.learningRate");
  });

  test("a folder of something else, and other verbs a search", () => {
    expect(refusal(folder.path("whole", "trial-001"), { resume: true })).toContain("holds no search");
    expect(() => recipeOfRun(folder.path("whole"), "compare")).toThrow(/holds a search: resume it with the verb search/);
  });
});

test("an error other than a diverged loss ends the search", async () => {
  const broken = folder.path("broken.safetensors");
  writeFileSync(broken, "no weights");
  const { code } = await search(folder.path("broken"), { recipe: { ...recipe, teacher: { ...recipe.teacher!, weights: broken } } });
  expect(code).toBe("INPUT");
});

test("is deleted with all its trials", () => {
  expect(deleteRun(folder.path("whole"))).toEqual({ deleted: 4, kept: [] });
  expect(existsSync(join(folder.path("whole")))).toBe(false);
});
