import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import type { FitRequest } from "../../src-main/contract/engine";
import type { FittedTeacher } from "../../src-main/contract/fitted-teacher";
import type { NoticeBody } from "../../src-main/contract/notices";
import { parseRecipe } from "../../src-main/contract/parse-recipe";
import { openDataset } from "../../src-main/data/open-dataset";
import { fitTeacher, timeBackbone } from "../../src-main/engine/fit-teacher";
import { readSafetensorsHeader } from "../../src-main/models/safetensors";
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

/** `stop`: after so many times that the work lets orders in, or when it says that it has begun with work of this name. */
async function fitted(out: string, request: Partial<FitRequest> = {}, stop: number | string = Number.POSITIVE_INFINITY) {
  const said: string[] = [];
  const stopping = new AbortController();
  let turns = 0;
  const yieldPoint = async () => {
    if (++turns === stop) stopping.abort();
  };
  const notify = (notice: NoticeBody) => {
    if ("text" in notice) said.push(notice.text);
    if (notice.type === "work" && notice.name === stop) stopping.abort();
  };
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
    // Its report does not say where on this computer anything lies.
    expect(readFileSync(found!.report, "utf8")).not.toContain(folder.path(""));
    network.model.release();
    read.release();
  });

  test.runIf(process.platform === "linux")("is not begun where its folder cannot be made", async () => {
    const { code, message, said } = await fitted("nowhere", { out: "/proc/teachers/mine" });
    expect([code, said]).toEqual(["INPUT", []]);
    expect(message).toMatch(/^\/proc\/teachers\/mine cannot be written/);
  });

  test("overwrites none that another start has written meanwhile", async () => {
    const { teacherFiles } = await import("../../src-main/runs/teacher");
    const out = folder.path("twice");
    let hasBegun = false;
    const notify = (notice: NoticeBody) => {
      if (notice.type === "work" && notice.name === "last layer" && !hasBegun) writeFileSync(teacherFiles(out).weights, "another's");
      hasBegun ||= notice.type === "work" && notice.name === "last layer";
    };
    const asked = { data, from: folder.teacher, out };
    await expect(fitTeacher(asked, { signal: new AbortController().signal, yieldPoint: async () => {}, notify })).rejects.toThrow(/nothing is overwritten/);
    expect(readFileSync(teacherFiles(out).weights, "utf8")).toBe("another's");
  });

  test("stopped and started again is the same, of features that were kept", async () => {
    process.env.DISTILL_CACHE = folder.path("cache");
    const stopped = await fitted("stopped", {}, 7);
    expect([stopped.code, existsSync(folder.path("stopped"))]).toEqual(["INTERRUPTED", false]);
    expect(stopped.message).toBe("stopped on request: no teacher was written. The features computed so far are kept: the same again goes on from there");
    const { found, said } = await fitted("stopped");
    expect(found!.features).toEqual({ computed: 450 - 4 * 32, known: 4 * 32 });
    expect(said).toContain("the features of 128 images were kept by an earlier start, 322 are new");
    expect(readFileSync(found!.teacher.weights).equals(readFileSync(folder.path("whole", "teacher.safetensors")))).toBe(true);
  });

  test("says where nothing is kept for the next start", async () => {
    const { DISTILL_CACHE } = process.env;
    process.env.DISTILL_CACHE = "off";
    const { message } = await fitted("unkept", {}, 5);
    process.env.DISTILL_CACHE = DISTILL_CACHE;
    expect(message).toMatch(/no teacher was written, and no features are kept \(DISTILL_CACHE is off\)/);
  });

  test("stopped while its head is fitted writes nothing", async () => {
    const stopped = await fitted("late", {}, 20);
    expect([stopped.code, existsSync(folder.path("late"))]).toEqual(["INTERRUPTED", false]);
  });

  test("does not learn from the validation images that a recipe holds back", async () => {
    const { found, said } = await fitted("held", { data: { ...data, validation: 60 } });
    expect(said.join("\n")).not.toContain("too few to choose well");
    expect(found).toMatchObject({ images: { train: 140, validation: 60, test: 50 }, heldBack: false });
    expect(said).toContain("weight decay and temperature are chosen on the 60 validation images");
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

describe("a network that is trained on from its last layer", () => {
  const enough = { ...data, trainLimit: 600 };
  const fineTune = { stages: "all", epochs: 3, learningRate: 3e-3 } as const;
  const weightsOf = ({ teacher }: FittedTeacher) => {
    const { model } = loadNetwork(teacher);
    const weights = new Map([...model.weights()].map(([name, weight]) => [name, weight.toFloat32()]));
    model.release();
    return weights;
  };

  /** Names of the weights in which two teachers differ. */
  const differing = (a: FittedTeacher, b: FittedTeacher) => {
    const others = weightsOf(b);
    return [...weightsOf(a)].flatMap(([name, values]) => (values.every((value, i) => value === others.get(name)![i]) ? [] : [name]));
  };
  const withWeights = (found: FittedTeacher, weights: string) => ({ ...found, teacher: { ...found.teacher, weights } });

  test("is the teacher where it is better on images from which neither has learned", async () => {
    const { found, said } = await fitted("tuned", { fineTune, data: enough });
    const { fineTuning, validation, temperature } = found!;
    expect(fineTuning).toMatchObject({ ...fineTune, kept: true, decision: "lower loss" });
    expect(fineTuning!.fineTuned!.validation).toEqual(validation);
    expect(fineTuning!.fineTuned!.validation.calibrated!.loss).toBeLessThan(fineTuning!.lastLayer.validation.calibrated!.loss);
    expect(said.join("\n")).toContain("trains the whole network on the 540 training images that are not held back");

    const network = loadNetwork(found!.teacher);
    const read = await openDataset({ ...enough, validation: 60 });
    const options = { batchSize: 32, precision: "fp32", yieldPoint: async () => {} } as const;
    const [judged, tested] = [await evaluate(network, read.validation!, options), await evaluate(network, read.test, options)];
    expect([judged.accuracy, tested.accuracy]).toEqual([validation!.accuracy, found!.test.accuracy]);
    expect(judged.loss).toBeCloseTo(validation!.loss, 5);
    network.model.release();
    read.release();

    const { metadata } = readSafetensorsHeader(found!.teacher.weights);
    expect(metadata).toMatchObject({ fineTuned: "all", fineTunedEpochs: "3", fineTunedLearningRate: "0.003", temperature: String(temperature) });
    expect(readFileSync(found!.report, "utf8")).toContain("<h2>Fine-tuning</h2>");
  });

  test("is the same where those images are the data's own for validation", async () => {
    const { found } = await fitted("tuned-held", { fineTune, data: { ...enough, validation: 60 } });
    expect(differing(found!, withWeights(found!, folder.path("tuned", "teacher.safetensors")))).toEqual([]);
  });

  test("has the same bits with one thread as with two", async () => {
    const threads = addon.threads();
    try {
      for (const [i, count] of [1, 2].entries()) {
        addon.setThreads(count);
        await fitted(`threads-${i}`, { fineTune, data: enough });
      }
    } finally {
      addon.setThreads(threads);
    }
    const [one, two, tuned] = ["threads-0", "threads-1", "tuned"].map((name) => readFileSync(folder.path(name, "teacher.safetensors")));
    expect([one!.equals(two!), one!.equals(tuned!)]).toEqual([true, true]);
  });

  test("keeps the weights before its last stage, and all running averages, where that alone is trained", async () => {
    const { found } = await fitted("tuned-last", { fineTune: { ...fineTune, stages: "last" }, data: enough });
    expect(found!.fineTuning!.kept).toBe(true);
    const names = differing(found!, withWeights(found!, folder.teacher));
    expect(names).toEqual(expect.arrayContaining(["layer3.0.conv1.weight", "layer3.2.bn2.bias", "fc.weight"]));
    expect(names.filter((name) => !/^(layer3|fc)\./.test(name) || name.includes("running"))).toEqual([]);
  });

  test("gives way to the last layer alone where its loss diverges, and says so", async () => {
    const { found, said } = await fitted("diverged", { fineTune: { ...fineTune, learningRate: 10 } });
    expect(found!.fineTuning).toMatchObject({ kept: false });
    if (found!.fineTuning!.fineTuned === null) expect(said).toContain("the fine-tuning diverged at a learning rate of 10, so the last layer alone is kept");
    expect(differing(found!, (await fitted("plain")).found!)).toEqual([]);
  });

  test("is kept by few images only where they show it beyond chance", async () => {
    const { found, said } = await fitted("tuned-few", { fineTune });
    const { fineTuning, temperature, validation } = found!;
    // Its loss on them is lower all the same.
    expect(fineTuning!.fineTuned!.validation.loss).toBeLessThan(fineTuning!.lastLayer.validation.loss);
    expect([fineTuning!.kept, fineTuning!.decision, temperature, validation!.calibrated]).toEqual([false, "within chance", null, null]);
    expect(said).toContainEqual(expect.stringMatching(/^20 held back images choose the weight decay: too few to choose it well, and no temperature is fitted/));
    expect(said).toContainEqual(expect.stringContaining("it is kept only if the 20 held back images show beyond chance that it is better"));
    expect(readFileSync(found!.report, "utf8")).toContain("The last layer alone is kept: of the 20 held back images");
    expect(readSafetensorsHeader(found!.teacher.weights).metadata).not.toHaveProperty("temperature");
    expect(differing(found!, (await fitted("plain-few")).found!)).toEqual([]);
  });

  test("leaves nothing behind where it is stopped", async () => {
    const stopped = await fitted("tuned-stopped", { fineTune }, "fine-tuning");
    expect([stopped.code, existsSync(folder.path("tuned-stopped"))]).toEqual(["INTERRUPTED", false]);
  });

  test("needs images by which it is judged", async () => {
    const few = { ...data, trainLimit: 50 };
    expect(await fitted("few", { fineTune, data: few })).toMatchObject({
      code: "INPUT",
      message: expect.stringContaining("fine-tuning: 50 training images are too few"),
    });
  });
});

test("the time of a backbone is measured", async () => {
  const { secondsPerImage, fineTuning, ...rest } = await timeBackbone(
    { from: folder.teacher, imageSize: 16 },
    async () => {},
    () => {},
  );
  expect(rest).toEqual({ model: "resnet20_cifar10", imageSize: 16 });
  expect(Math.min(secondsPerImage, fineTuning.last, fineTuning.all)).toBeGreaterThan(0);
});
