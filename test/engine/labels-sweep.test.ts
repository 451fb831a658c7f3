// A sweep over numbers of labelled images: gain against labels.
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import type { NoticeBody } from "../../src-main/contract/notices";
import type { Recipe } from "../../src-main/contract/recipe";
import type { LabelsResult } from "../../src-main/contract/run";
import { Run, type RunRequest } from "../../src-main/engine/run";
import { SameThread } from "../../src-main/engine/trainer-thread";
import { deleteRun } from "../../src-main/runs/delete";
import { listRuns, readRun } from "../../src-main/runs/reader";
import { readRequest, recipeOfRun } from "../../src-main/runs/request";
import { useBackend } from "../../src-main/tensor/tensor";
import { experimentFolder, nobody, smallRecipe } from "./experiment";

let folder: ReturnType<typeof experimentFolder>;
beforeAll(() => {
  useBackend(loadAddon());
  folder = experimentFolder();
});
afterAll(() => folder.remove());

/** 30 images of which those without a label are the teacher's. */
const recipe = (): Recipe => {
  const small = smallRecipe(folder.teacher, { epochs: 1 });
  return { ...small, data: { ...small.data, trainLimit: 30, labelled: 10, unlabelled: "rest" } };
};
const start = (out: string, more: Partial<RunRequest> = {}) =>
  new Run({ kind: "compare", recipe: recipe(), out, resume: false, seeds: 2, labels: [30, 10, 10], ...more }, nobody, new SameThread());
const refusal = (out: string, more: Partial<RunRequest>): Promise<unknown> => {
  try {
    return start(out, more).ended.catch((error: Error) => error.message);
  } catch (error) {
    return Promise.resolve((error as Error).message);
  }
};
const hashOf = (path: string) => createHash("sha256").update(readFileSync(path)).digest("hex");

test("every number of labels gets comparisons of all seeds; stopped in the middle and resumed, it ends in the same bits", async () => {
  const [whole, resumed] = [folder.path("labels"), folder.path("labels-resumed")];
  const notices: NoticeBody[] = [];
  const run = start(whole);
  const result = (await run.watch(0, (notice) => notices.push(notice))) as LabelsResult;
  expect(result.labels.map(({ labelled, seeds, controlled }) => ({ labelled, seeds, controlled }))).toEqual([
    { labelled: 10, seeds: [3, 4], controlled: false },
    // With all images labelled none is left to the teacher alone.
    { labelled: 30, seeds: [3, 4], controlled: true },
  ]);
  expect(result.labels[0]!.comparisons[0]).toMatchObject({ differentImages: true, directory: folder.path("labels", "labels-10", "seed-3") });
  expect(notices.filter(({ type }) => type === "member")).toMatchObject([
    { index: 0, total: 4, words: "10 labels, seed 3" },
    { index: 1, total: 4, words: "10 labels, seed 4" },
    { index: 2, total: 4, words: "30 labels, seed 3" },
    { index: 3, total: 4, words: "30 labels, seed 4" },
  ]);
  const [last] = notices.filter((notice) => notice.type === "batches").slice(-1);
  expect(last!.progress.done).toBe(last!.progress.total);
  expect(listRuns(folder.path())).toContainEqual(expect.objectContaining({ directory: folder.path("labels", "labels-30", "seed-4", "student") }));

  const stopping = start(resumed);
  await stopping
    .watch(0, (notice) => {
      if (notice.type === "member" && notice.index === 2) stopping.control("stop");
    })
    .catch(() => {});
  expect(existsSync(folder.path("labels-resumed", "labels-30", "seed-4"))).toBe(false);
  // Seeds and numbers are known to the folder.
  const again = (await start(resumed, { recipe: recipeOfRun(resumed, "compare"), resume: true, seeds: undefined, labels: undefined }).ended) as LabelsResult;
  expect(again.labels.map(({ difference, interval }) => ({ difference, interval }))).toEqual(
    result.labels.map(({ difference, interval }) => ({ difference, interval })),
  );
  for (const arm of ["labels-10/seed-4/student", "labels-30/seed-3/control", "labels-30/seed-4/student"])
    expect(hashOf(`${resumed}/${arm}/student.safetensors`)).toBe(hashOf(`${whole}/${arm}/student.safetensors`));
  expect(readRun(`${whole}/labels-30/seed-3/student`).recipe.data).toMatchObject({ labelled: 30, unlabelled: null });
});

test("it may get more numbers of labels and more seeds, and loses none", async () => {
  const out = folder.path("more-labels");
  await start(out, { labels: [10], seeds: 1 }).ended;
  const written = hashOf(folder.path("more-labels", "labels-10", "seed-3", "student", "student.safetensors"));
  const more = (await start(out, { labels: [10, 20], seeds: undefined, resume: true }).ended) as LabelsResult;
  expect(more.labels.map(({ labelled, seeds }) => [labelled, seeds.length])).toEqual([
    [10, 1],
    [20, 1],
  ]);
  const grown = (await start(out, { labels: undefined, seeds: undefined, resume: true, addSeeds: 1 }).ended) as LabelsResult;
  expect(grown.labels.map(({ labelled, seeds }) => [labelled, seeds.length])).toEqual([
    [10, 2],
    [20, 2],
  ]);
  expect(readRequest(out)).toMatchObject({ labels: [10, 20], seeds: 2 });
  expect(hashOf(folder.path("more-labels", "labels-10", "seed-3", "student", "student.safetensors"))).toBe(written);

  expect(await refusal(out, { labels: [20], seeds: undefined, resume: true })).toMatch(
    /was begun with 10, 20 labels: resume it with all of these.*; 10 is missing$/,
  );
  expect(deleteRun(out)).toEqual({ deleted: 12, kept: [] });
  expect(existsSync(out)).toBe(false);
});

test.each([
  [{ labels: [10, 31] }, "labels: expected numbers from 10, one image of each class, to 30, the training images that there are, got 31"],
  [{ labels: [5] }, "labels: expected numbers from 10, one image of each class, to 30, the training images that there are, got 5"],
  [{ kind: "train", seeds: 1 }, "labels: expected a comparison; one arm is trained with the data.labelled of its recipe"],
] as const)("what cannot be swept over is refused before anything is trained: %j", async (more, words) => {
  const out = folder.path("refused");
  expect(await refusal(out, more as Partial<RunRequest>)).toBe(words);
  expect(existsSync(out)).toBe(false);
});
