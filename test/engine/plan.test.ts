// Sweeps whose members are trained elsewhere, as on a cluster: planned here, and put together here.
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import type { Methods } from "../../src-main/contract/engine";
import type { Recipe } from "../../src-main/contract/recipe";
import type { LabelsResult } from "../../src-main/contract/run";
import { plan } from "../../src-main/engine/plan";
import { Run, type RunRequest } from "../../src-main/engine/run";
import { SameThread } from "../../src-main/engine/trainer-thread";
import { recipeOfRun } from "../../src-main/runs/request";
import { useBackend } from "../../src-main/tensor/tensor";
import { experimentFolder, nobody, smallRecipe } from "./experiment";

let folder: ReturnType<typeof experimentFolder>;
beforeAll(() => {
  useBackend(loadAddon());
  folder = experimentFolder();
});
afterAll(() => folder.remove());

const recipe = (): Recipe => {
  const small = smallRecipe(folder.teacher, { epochs: 1 });
  return { ...small, data: { ...small.data, labelled: 10 } };
};
const start = (request: Omit<RunRequest, "kind">) => new Run({ kind: "compare", ...request }, nobody, new SameThread()).ended;
const planned = (request: Omit<Methods["plan"]["params"], "kind">) => plan({ kind: "compare", ...request }, () => {});

/** Trains those that are not finished, each as a comparison of its own, and puts all together. */
async function trainElsewhere(request: Omit<Methods["plan"]["params"], "kind">): Promise<string[]> {
  const { members } = await planned(request);
  const left = members.filter(({ isFinished }) => !isFinished);
  for (const { recipe, directory } of left) await start({ recipe, out: directory, resume: false, seeds: 1 });
  await start({ recipe: recipeOfRun(request.out, "compare"), out: request.out, resume: true });
  return left.map(({ name }) => name);
}

const files = (directory: string) =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)))
    .sort();

test("numbers of labels, and seeds that are added to them, leave the same folder as trained here", async () => {
  const [here, there] = [folder.path("here"), folder.path("there")];
  await start({ recipe: recipe(), out: here, resume: false, seeds: 2, labels: [10, 20] });
  expect(await trainElsewhere({ recipe: recipe(), out: there, resume: false, seeds: 1, labels: [20, 10] })).toEqual(["10 labels, seed 3", "20 labels, seed 3"]);
  const more = { recipe: recipeOfRun(there, "compare"), out: there, resume: true, addSeeds: 1 };
  expect(await trainElsewhere(more)).toEqual(["10 labels, seed 4", "20 labels, seed 4"]);
  expect(files(there)).toEqual(files(here));
  const read = (run: string, file: string) => readFileSync(join(run, file), "utf8");
  for (const file of ["request.json", "labels-10/request.json", "labels-20/seed-4/request.json"]) expect(read(there, file)).toBe(read(here, file));
  const figures = (run: string) =>
    (JSON.parse(read(run, "comparison.json")) as LabelsResult).labels.map(({ labelled, seeds, difference, interval }) => ({
      labelled,
      seeds,
      difference,
      interval,
    }));
  expect(figures(there)).toEqual(figures(here));
});

test("a sweep of one seed, in a folder of its own, gets more", async () => {
  const out = folder.path("one");
  const { recipe } = { recipe: smallRecipe(folder.teacher, { epochs: 1 }) };
  await trainElsewhere({ recipe, out, resume: false, seeds: 1 });
  expect(await trainElsewhere({ recipe, out, resume: true, addSeeds: 1 })).toEqual(["seed 4"]);
});

test("what was planned is known to the folder before anything is trained", async () => {
  const out = folder.path("planned");
  const names = async (resume: boolean, more = {}) => (await planned({ recipe: recipe(), out, resume, ...more })).members.map(({ name }) => name);
  expect(await names(false, { seeds: 2, labels: [10, 20] })).toHaveLength(4);
  expect(await names(true)).toEqual(["10 labels, seed 3", "10 labels, seed 4", "20 labels, seed 3", "20 labels, seed 4"]);
});

test("a run that is there is not begun anew, and seeds are not added to what is not finished", async () => {
  const out = folder.path("begun");
  const request = { recipe: recipe(), out, seeds: 2 };
  await planned({ ...request, resume: false });
  await expect(planned({ ...request, resume: false })).rejects.toThrow("already holds a run");
  await expect(planned({ recipe: recipe(), out, resume: true, addSeeds: 1 })).rejects.toThrow("is not finished: seed-3, seed-4 are open");
});
