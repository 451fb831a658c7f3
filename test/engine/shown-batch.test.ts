import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { shownBatch } from "../../src-main/engine/shown-batch";
import { runFiles } from "../../src-main/runs/files";
import { useBackend } from "../../src-main/tensor/tensor";
import { experimentFolder, smallRecipe, trainInto } from "./experiment";

let folder: ReturnType<typeof experimentFolder>;
const directory = (arm: string) => join(folder.path("whole"), arm);

beforeAll(async () => {
  useBackend(loadAddon());
  folder = experimentFolder();
  const recipe = smallRecipe(folder.teacher);
  await trainInto(folder.path("whole"), { ...recipe, augment: { ...recipe.augment, crop: 4, flip: true, mixup: 0.5 } });
});
afterAll(() => folder.remove());

test.each(["control", "student"])("every batch of the %s is rendered once more as the evidence has it, mixed and in later epochs as well", async (arm) => {
  const batches = readFileSync(runFiles(directory(arm)).evidence, "utf8")
    .trimEnd()
    .split("\n").length;
  for (let batch = 1; batch <= batches; batch++) {
    const { again, epoch, images, count } = await shownBatch({ directory: directory(arm), batch, most: 3 });
    expect({ again, count: images.length }).toEqual({ again: { plan: true, pixels: true, targets: true }, count: Math.min(3, count) });
    expect(epoch).toBe(batch <= batches / 2 ? 1 : 2);
  }
});

test("its images come as each network saw them, with their labels", async () => {
  const student = await shownBatch({ directory: directory("student"), batch: 1, most: 2 });
  const control = await shownBatch({ directory: directory("control"), batch: 1, most: 2 });
  expect(control.images.map(({ label, student }) => ({ label, student }))).toEqual(student.images.map(({ label, student }) => ({ label, student })));
  expect([control.sides.teacher, ...control.images.map(({ teacher }) => teacher)]).toEqual([null, null, null]);
  for (const [png, side] of [
    [student.images[0]!.student, student.sides.student],
    [student.images[0]!.teacher!, student.sides.teacher],
  ] as const) {
    const { width, height } = await sharp(png).metadata();
    expect([width, height]).toEqual([side, side]);
  }
});

test("what differs from the evidence is told", async () => {
  const { evidence } = runFiles(directory("control"));
  const text = readFileSync(evidence, "utf8");
  const [first, ...others] = text.split("\n");
  writeFileSync(evidence, [JSON.stringify({ ...JSON.parse(first!), pixels: "0" }), ...others].join("\n"));
  try {
    expect((await shownBatch({ directory: directory("control"), batch: 1, most: 1 })).again).toEqual({ plan: true, pixels: false, targets: true });
  } finally {
    writeFileSync(evidence, text);
  }
});

test("a batch that the run does not have is refused", async () => {
  await expect(shownBatch({ directory: directory("control"), batch: 1000, most: 1 })).rejects.toThrow(/has \d+ batches, so none with the number 1000$/);
});
