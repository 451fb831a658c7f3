import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import type { ComparisonResult, TrainResult } from "../../src-main/contract/run";
import { listTeachers, testTeacher } from "../../src-main/engine/candidates";
import { checkTeacher } from "../../src-main/engine/teachers";
import { teacherFiles } from "../../src-main/runs/teacher";
import { useBackend } from "../../src-main/tensor/tensor";
import { png, writeFiles } from "../data/image-files";
import { experimentFolder, smallRecipe, trainInto } from "./experiment";

let folder: ReturnType<typeof experimentFolder>;
let compared: ComparisonResult;
beforeAll(async () => {
  useBackend(loadAddon());
  folder = experimentFolder();
  compared = (await trainInto(folder.path("runs", "run"), smallRecipe(folder.teacher, { epochs: 1 }))).result as ComparisonResult;
});
afterAll(() => folder.remove());

const noPause = async () => {};

test("teachers are what comes with the program, what was made, what runs have trained, and what they had as teachers", () => {
  const made = teacherFiles(folder.path("runs", "mine"));
  mkdirSync(folder.path("runs", "mine"));
  writeFileSync(made.weights, "not looked at here");
  writeFileSync(made.figures, JSON.stringify({ teacher: { model: "resnet18", weights: "elsewhere", imageSize: 160 } }));
  mkdirSync(folder.path("runs", "damaged"));
  writeFileSync(teacherFiles(folder.path("runs", "damaged")).weights, "");
  writeFileSync(teacherFiles(folder.path("runs", "damaged")).figures, "{");

  const found = listTeachers(folder.path("runs"));
  expect(found.slice(0, 2).map(({ kind, weights }) => [kind, weights])).toEqual([
    ["bundled", "bundled"],
    ["bundled", "bundled"],
  ]);
  const others = found.slice(2).map(({ kind, name, model, imageSize }) => `${kind} ${name}, ${model} ${imageSize}`);
  expect([...new Set(others)].sort()).toEqual([
    "made mine, resnet18 160",
    "trained small: control, resnet20_cifar10 8",
    "trained small: student, resnet20_cifar10 8",
    "used teacher.safetensors, resnet20_cifar10 8",
  ]);
  for (const { kind, weights } of found) if (kind !== "bundled") expect(existsSync(weights)).toBe(true);
  expect(listTeachers(folder.path("nowhere")).map(({ kind }) => kind)).toEqual(["bundled", "bundled"]);
});

test("a teacher is tested as a run tests it", async () => {
  const request = { model: "resnet20_cifar10", weights: folder.teacher, imageSize: 8, path: "bundled", format: "auto", most: 10 } as const;
  expect(await testTeacher(request, noPause)).toMatchObject({ accuracy: compared.teacher.testAcc, images: 10 });
});

test("of a folder without a split it is asked about the test images alone, among the classes of the data", async () => {
  const data = folder.path("pets");
  for (let n = 0; n < 10; n++) writeFiles(data, { [`Cat/${n}.png`]: await png(8, 8, [n, 1, 1]), [`dog/${n}.png`]: await png(8, 8, [n, 2, 2]) });
  const request = { model: "resnet20_cifar10", weights: folder.teacher, imageSize: 8, path: data, format: "auto", most: 100 } as const;
  const { images, accuracy, said } = await testTeacher({ ...request, settings: { testShare: 0.3 } }, noPause);
  expect([images, said]).toEqual([6, [{ type: "note", text: expect.stringContaining("has 10 classes, of which the data has 2") }]]);
  // All pictures of this network that knows nothing look the same: one class of two gets them all.
  expect(accuracy).toBe(0.5);
  await expect(testTeacher({ ...request, weights: join(data, "none.safetensors") }, noPause)).rejects.toMatchObject({ code: "INPUT" });
});

test("a network that has learned from test images is warned of", async () => {
  const data = { ...smallRecipe(folder.teacher).data, path: folder.path("pets"), trainLimit: null, testLimit: null };
  const recipe = { ...smallRecipe(folder.teacher, { epochs: 1 }), data, teacher: null, distillation: null, control: null };
  const { directory } = (await trainInto(folder.path("runs", "pets"), recipe)).result as TrainResult;
  const request = {
    model: "resnet20_cifar10",
    weights: join(directory, "student.safetensors"),
    imageSize: 8,
    path: data.path,
    format: "auto",
    most: 100,
  } as const;
  const warningsAt = async (splitSeed: number) => {
    const { said } = await testTeacher({ ...request, settings: { splitSeed } }, noPause);
    return said.flatMap(({ type, text }) => (type === "warning" ? [text] : []));
  };
  expect(await warningsAt(0)).toEqual([]);
  expect(await warningsAt(1)).toEqual([expect.stringMatching(/^it was fitted to \d of these 4 test images: its accuracy on them, [\d.]+ %, says nothing/)]);
});

test("what a teacher lacks is told by name", () => {
  const { problem, known } = checkTeacher({ model: "resnet20_cifar10", weights: folder.teacher, classes: ["Cat", "bark", "cloud"] });
  expect([problem !== null, known]).toEqual([true, { count: 10, lacks: ["bark", "cloud"] }]);
});
