import { beforeEach, describe, expect, it } from "vitest";
import type { TimedRecipe } from "../../../src-main/contract/engine";
import { presetOf } from "../../../src-main/contract/presets";
import { bytesInWords, needsOf, rangeInWords } from "../../../src-renderer/state/estimate.svelte";
import { Studio } from "../../../src-renderer/state/studio.svelte";
import { FakeEngine, failure, fakeBridge } from "../fakes";

const timed: TimedRecipe = {
  secondsPerImage: { control: 0.001, student: 0.003, test: 0.0005 },
  bytesPerImage: 1e6,
  weightBytes: 4e6,
  checkpointBytes: 12e6,
  teacherBytes: 1e6,
};
const info = { classes: ["cat", "dog"], thumbnails: [], train: { count: 5000, perClass: [] }, validation: null, test: { count: 1000, perClass: [] } };
const demo = presetOf("demo").recipe;

const made = (values: Partial<Parameters<typeof needsOf>[3]> = {}) => ({ chosen: "one" as const, seeds: 1, labels: [], trials: 1, batches: null, ...values });

describe("what a run needs", () => {
  it("of numbers of labels: the comparisons at each, with as many images as have labels", () => {
    const at = (labelled: number) => needsOf({ ...demo, data: { ...demo.data, labelled } }, timed, info, made());
    const { seconds, diskBytes, memoryBytes } = needsOf(demo, timed, info, made({ chosen: "labels", labels: [250, 5000], seeds: 3 }));
    expect(seconds[1]).toBeCloseTo(3 * (at(250).seconds[1] + at(5000).seconds[1]), 6);
    expect(at(5000).seconds[1]).toBeCloseTo(needsOf(demo, timed, info, made()).seconds[1], 6);
    expect(at(250).seconds[1]).toBeCloseTo(1.4 * (16 * 250 * 0.004 + 16 * 2 * 1000 * 0.0005), 6);
    expect([diskBytes, memoryBytes]).toEqual([6 * at(250).diskBytes, at(5000).memoryBytes]);
  });

  it("of a search: the student alone, trial by trial, in its batches", () => {
    // 50 batches of 64 images, one test after 50 of 79 batches.
    const { seconds, diskBytes } = needsOf(demo, timed, info, made({ chosen: "search", trials: 20, batches: 50 }));
    expect(seconds[1]).toBeCloseTo(20 * 1.4 * (5000 * (50 / 79) * 0.003 + 1000 * 0.0005), 6);
    expect(diskBytes).toBe(20 * 16e6);
  });

  it("time: of both arms in all epochs, and of the tests", () => {
    // Demo: 16 epochs of 5,000 images in two arms, each with a test of 1,000.
    const { seconds } = needsOf(demo, timed, info, made());
    const [training, tests] = [16 * 5000 * (0.001 + 0.003), 16 * 2 * 1000 * 0.0005];
    expect(seconds[0]).toBeCloseTo(0.8 * (training + tests / 2), 6);
    expect(seconds[1]).toBeCloseTo(1.4 * (training + tests), 6);
    expect(needsOf(demo, timed, info, made({ chosen: "seeds", seeds: 3 })).seconds[1]).toBeCloseTo(3 * seconds[1], 6);
  });

  it("a teacher whose answers are kept is asked in the first epoch alone, at the least", () => {
    const { seconds } = needsOf({ ...demo, augment: { ...demo.augment, crop: 0, flip: false } }, timed, info, made());
    expect(seconds[0]).toBeCloseTo(0.8 * (5000 * (16 * 0.001 + 0.003 + 15 * 0.001) + 16 * 1000 * 0.0005), 6);
    expect(seconds[1]).toBeCloseTo(needsOf(demo, timed, info, made()).seconds[1], 6);
  });

  it("limits of images and batches count", () => {
    const few = { ...demo, data: { ...demo.data, trainLimit: 640, testLimit: 100 }, train: { ...demo.train, epochs: 100, batches: 20 } };
    const { seconds } = needsOf(few, timed, info, made());
    expect(seconds[1]).toBeCloseTo(1.4 * (2 * 640 * 0.004 + 2 * 2 * 100 * 0.0005), 6);
  });

  it("memory and disk", () => {
    const { memoryBytes, diskBytes } = needsOf(demo, timed, info, made({ chosen: "seeds", seeds: 2 }));
    expect(memoryBytes).toBe(2 * 16e6 + 1e6 + 64e6 + 6000 * 32 * 32 * 3);
    expect(diskBytes).toBe(2 * 2 * 16e6);
  });

  it("in words", () => {
    expect(
      [
        [0.2, 0.9],
        [17, 44],
        [170, 290],
        [100, 150],
        [1300, 2900],
        [7000, 9000],
        [3e5, 4e5],
      ].map((range) => rangeInWords(range as [number, number])),
    ).toEqual(["1 s", "17 to 45 s", "2.5 to 5 min", "1.5 to 2.5 min", "21 to 50 min", "1.5 to 2.5 h", "3 to 5 days"]);
    expect([381e6, 3.14e9, 1000].map(bytesInWords)).toEqual(["380 MB", "3.1 GB", "0.1 MB"]);
  });
});

describe("measuring", () => {
  let engine: FakeEngine;
  let studio: Studio;
  beforeEach(async () => {
    const doctor = { arithmetic: { cpu: null, cuda: null }, gpus: [] as object[] };
    engine = new FakeEngine({ dataInfo: () => info, models: () => [], doctor: () => doctor, listRuns: () => [], list: () => [], timeRecipe: () => timed });
    studio = new Studio(fakeBridge(engine).bridge);
    await studio.start();
  });

  it("happens once for recipes of the same steps", async () => {
    expect(studio.estimate.needs).toBeNull();
    await studio.estimate.measure();
    expect(engine.paramsOf("timeRecipe")).toMatchObject([{ recipe: { name: "demo" }, classes: 2 }]);
    const { seconds } = studio.estimate.needs!;
    studio.setup.set("train.epochs", "32");
    studio.setup.set("distillation.terms.0.weight", "10");
    await studio.estimate.measure();
    expect(studio.estimate.needs!.seconds[1]).toBeCloseTo(2 * seconds[1], 6);
    expect(engine.paramsOf("timeRecipe")).toHaveLength(1);
    studio.setup.set("train.batchSize", "16");
    expect(studio.estimate.needs).toBeNull();
    await studio.estimate.measure();
    expect(engine.paramsOf("timeRecipe")).toHaveLength(2);
  });

  it("what keeps it from that is said; a GPU is not measured", async () => {
    engine.answers.timeRecipe = () => Promise.reject(failure("no such model"));
    await studio.estimate.measure();
    expect(studio.estimate).toMatchObject({ needs: null, problem: "No such model" });
    studio.setup.set("device", "cuda");
    expect(studio.estimate).toMatchObject({ device: "cuda", key: null });
    studio.setup.set("device", "auto");
    studio.setup.computer = { ...studio.setup.computer!, gpus: [{ name: "GPU", memoryBytes: 1, freeBytes: 1, capability: "9.0" }] };
    expect(studio.estimate.device).toBe("cuda");
  });
});
