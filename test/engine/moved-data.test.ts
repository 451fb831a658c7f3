// A run that goes on after its images were moved, or after they were changed.
import { renameSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { applySettings } from "../../src-main/contract/apply-settings";
import { InputError } from "../../src-main/contract/failure";
import { parseRecipe } from "../../src-main/contract/parse-recipe";
import { presetOf } from "../../src-main/contract/presets";
import { expectNothingMoved } from "../../src-main/engine/out-folder";
import { useBackend } from "../../src-main/tensor/tensor";
import { png, writeFiles } from "../data/image-files";
import { experimentFolder, trainInto } from "./experiment";

useBackend(loadAddon());
const folder = experimentFolder();
const { path } = folder;
afterAll(folder.remove);

/** The network of the experiment on images in a folder; two batches in each of two epochs. */
const recipeOn = (images: string) =>
  parseRecipe({
    data: { path: images },
    student: { model: "resnet20_cifar10", imageSize: 8 },
    train: { epochs: 2, batchSize: 4, seed: 3, precision: "fp32" },
  });

beforeAll(async () => {
  for (const [n, name] of ["train/cat", "train/dog", "test/cat", "test/dog"].entries())
    for (let k = 0; k < 4; k++) writeFiles(path("images"), { [`${name}/${k}.png`]: await png(8, 8, [60 * n, 60 * k, 99]) });
});

test("a run goes on in the same bits where its images are now, and not on others", async () => {
  const whole = await trainInto(path("whole"), recipeOn(path("images")));
  for (const run of ["moved", "changed"]) expect((await trainInto(path(run), recipeOn(path("images")), { stopAfter: 1 })).code).toBe("INTERRUPTED");

  renameSync(path("images"), path("elsewhere"));
  const gone = await trainInto(path("moved"), recipeOn(path("images")), { resume: true });
  expect(gone.failure).toBe(`${path("images")} does not exist, and the run began with it: put it back, or say where it is now, with --set data.path=NEW`);
  const moved = await trainInto(path("moved"), recipeOn(path("elsewhere")), { resume: true });
  expect(moved.result).toMatchObject({ hashes: (whole.result as { hashes: object }).hashes });

  writeFileSync(path("elsewhere", "train/cat/0.png"), await png(8, 8, [1, 2, 3]));
  const changed = await trainInto(path("changed"), recipeOn(path("elsewhere")), { resume: true });
  expect(changed.failure).toMatch(/changed was started on other images: resume it with the data that it began with/);

  for (const split of ["train", "test"]) renameSync(path("elsewhere", split, "cat"), path("elsewhere", split, "kitten"));
  const renamed = await trainInto(path("changed"), recipeOn(path("elsewhere")), { resume: true });
  expect(renamed.failure).toMatch(
    /changed was started on images of other classes \(missing now: cat; new: kitten\): resume it with the data that it began with, or give the classes their names back/,
  );
});

test.each([
  ["teacher.weights", ", or say where it is now, with --set teacher.weights=NEW"],
  ["student.weights", ", or say where it is now, with --set student.weights=NEW"],
  ["data.unlabelled", ""],
])("a file or folder that is gone is said with what helps: %s", (key, orElse) => {
  const gone = path("gone");
  const recipe = parseRecipe(applySettings(presetOf("demo").recipe, [`${key}=${gone}`]));
  expect(() => expectNothingMoved(recipe)).toThrow(new InputError(`${gone} does not exist, and the run began with it: put it back${orElse}`));
});
