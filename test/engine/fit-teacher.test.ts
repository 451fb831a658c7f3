import { existsSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import type { FitRequest } from "../../src-main/contract/engine";
import { parseRecipe } from "../../src-main/contract/parse-recipe";
import { openDataset } from "../../src-main/data/open-dataset";
import { fitTeacher, timeBackbone } from "../../src-main/engine/fit-teacher";
import { useBackend } from "../../src-main/tensor/tensor";
import { evaluate } from "../../src-main/training/evaluate";
import { loadNetwork } from "../../src-main/training/network";
import { experimentFolder } from "./experiment";

const addon = loadAddon();
let folder: ReturnType<typeof experimentFolder>;
const { data } = parseRecipe({ data: { path: "bundled", trainLimit: 200, testLimit: 50 }, student: { model: "resnet8_cifar10" } });
const { DISTILL_CACHE } = process.env;
beforeAll(() => {
  useBackend(addon);
  folder = experimentFolder();
});
afterAll(() => {
  process.env.DISTILL_CACHE = DISTILL_CACHE;
  folder.remove();
});

/** `stopAfter`: so many times that the work lets orders in. */
async function fitted(out: string, request: Partial<FitRequest> = {}, stopAfter = Number.POSITIVE_INFINITY) {
  const said: string[] = [];
  const stopping = new AbortController();
  let turns = 0;
  const yieldPoint = async () => {
    if (++turns === stopAfter) stopping.abort();
  };
  const notify = (notice: object) => void ("text" in notice && said.push(String(notice.text)));
  const asked = { data, from: folder.teacher, out: folder.path(out), ...request };
  try {
    return { found: await fitTeacher(asked, { signal: stopping.signal, yieldPoint, notify }), said, code: null };
  } catch (error) {
    return { found: null, said, code: (error as { code?: string }).code, message: (error as Error).message };
  }
}

describe("a teacher of a backbone", () => {
  test("answers the test images as its figures say", async () => {
    const { found } = await fitted("whole");
    const network = loadNetwork(found!.teacher);
    const read = await openDataset(data);
    const { accuracy, loss } = await evaluate(network, read.test, { batchSize: 32, precision: "fp32", yieldPoint: async () => {} });
    expect(accuracy).toBe(found!.test.accuracy);
    expect(loss).toBeCloseTo(found!.test.loss, 5);
    expect(network.classes).toEqual(read.classes);
    network.model.release();
    read.release();
  });

  test("stopped and started again is the same, of features that were kept", async () => {
    process.env.DISTILL_CACHE = folder.path("cache");
    const stopped = await fitted("stopped", {}, 5);
    expect([stopped.code, existsSync(folder.path("stopped"))]).toEqual(["INTERRUPTED", false]);
    const { found, said } = await fitted("stopped");
    expect(found!.features).toEqual({ computed: 450 - 4 * 32, known: 4 * 32 });
    expect(said).toContain("the features of 128 images were kept by an earlier start, 322 are new");
    expect(readFileSync(found!.teacher.weights).equals(readFileSync(folder.path("whole", "teacher.safetensors")))).toBe(true);
  });

  test("stopped while its head is fitted writes nothing", async () => {
    const stopped = await fitted("late", {}, 20);
    expect([stopped.code, existsSync(folder.path("late"))]).toEqual(["INTERRUPTED", false]);
  });

  test("does not learn from the validation images that a recipe holds back", async () => {
    const { found, said } = await fitted("held", { data: { ...data, validation: 50 } });
    expect(found).toMatchObject({ images: { train: 150, validation: 50, test: 50 }, heldBack: false });
    expect(said).toContain("weight decay and temperature are chosen on the 50 validation images");
  });

  test("takes the next free folder where it is asked to", async () => {
    const { found } = await fitted("whole", { unique: true });
    expect(found!.directory).toBe(folder.path("whole-2"));
  });

  test("refuses images without labels", async () => {
    const labelled = { ...data, labelled: 100, unlabelled: "rest" };
    expect(await fitted("unlabelled", { data: labelled })).toMatchObject({ code: "USAGE", message: expect.stringContaining("data.unlabelled") });
  });
});

test("the time of a backbone is measured", async () => {
  const { secondsPerImage, ...rest } = await timeBackbone({ from: folder.teacher, imageSize: 16 }, () => {});
  expect(rest).toEqual({ model: "resnet20_cifar10", imageSize: 16 });
  expect(secondsPerImage).toBeGreaterThan(0);
});
