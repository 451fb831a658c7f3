import { beforeEach, describe, expect, it } from "vitest";
import { presetOf } from "../../../src-main/contract/presets";
import { Fit, limited } from "../../../src-renderer/state/fit.svelte";
import { deferred, FakeEngine, failure, fakeBridge, settle, startedEngine } from "../fakes";

const { data } = presetOf("demo").recipe;
const made = { teacher: { model: "resnet18", weights: "/runs/x/teacher.safetensors", imageSize: 160 } };
let engine: FakeEngine;
let fit: Fit;

beforeEach(async () => {
  engine = new FakeEngine({
    timeBackbone: () => ({ model: "resnet18", imageSize: 160, secondsPerImage: 0.01, fineTuning: { last: 0.02, all: 0.06 } }),
    fitTeacher: () => made,
  });
  const { bridge } = fakeBridge(engine, () => "/my/weights.pth");
  fit = new Fit(bridge, await startedEngine(bridge), () => "/runs");
});

describe("the time that a teacher takes", () => {
  it("is told from a few images, training images counted twice", async () => {
    const counts = { train: { count: 100, perClass: [] }, validation: null, test: { count: 50, perClass: [] } };
    expect(fit.secondsFor(counts)).toBeNull();
    await fit.measure();
    await fit.measure();
    expect(engine.paramsOf("timeBackbone")).toEqual([{ from: "bundled" }]);
    expect(fit.secondsFor(counts)! - fit.secondsFor({ ...counts, test: { count: 0, perClass: [] } })!).toBeCloseTo(0.5);
    expect(fit.secondsFor(counts)! - fit.secondsFor({ ...counts, train: { count: 0, perClass: [] } })!).toBeCloseTo(2);
  });

  it("counts no more images than the recipe takes", () => {
    const counts = { train: { count: 100, perClass: [] }, validation: null, test: { count: 50, perClass: [] } };
    const taken = limited(counts, { ...data, trainLimit: 30, testLimit: 80 });
    expect([taken.train.count, taken.test.count]).toEqual([30, 50]);
  });

  it("is told of each way to train the network too, by the epochs that it takes", async () => {
    const counts = { train: { count: 100, perClass: [] }, validation: null, test: { count: 50, perClass: [] } };
    await fit.measure();
    const more = (["last", "all"] as const).map((stages) => fit.secondsFor(counts, stages)! - fit.secondsFor(counts, "none")!);
    expect(more[0]).toBeCloseTo(5 * 100 * 0.02 + 50 * 0.01);
    expect(more[1]).toBeCloseTo(5 * 100 * 0.06 + 50 * 0.01);
    fit.fineTune = "all";
    expect(fit.secondsFor(counts)).toBe(fit.secondsFor(counts, "all"));
  });

  it("is measured again for another backbone; one that cannot be used is said in words", async () => {
    await fit.measure();
    engine.answers.timeBackbone = () => Promise.reject(failure("weights /my/weights.pth cannot be read"));
    await fit.chooseBackbone();
    expect(engine.paramsOf("timeBackbone").at(-1)).toEqual({ from: "/my/weights.pth" });
    expect(fit).toMatchObject({ timed: null, problem: "Weights /my/weights.pth cannot be read" });
  });
});

describe("a teacher", () => {
  it("is made in a folder of its own, with its progress shown", async () => {
    const end = deferred<unknown>();
    engine.answers.fitTeacher = (_, notify) => {
      notify({ type: "work", name: "features", done: 5, total: 10, secondsLeft: 3 });
      return end.promise;
    };
    const making = fit.start(data);
    await settle();
    expect(fit).toMatchObject({ busy: true, progress: { name: "Computing features", done: 5, total: 10, secondsLeft: 3 } });
    expect(engine.paramsOf("fitTeacher")[0]).toMatchObject({
      data,
      from: "bundled",
      fineTune: null,
      out: expect.stringMatching(/^\/runs\/.*-teacher$/),
      unique: true,
    });
    end.resolve(made);
    expect(await making).toEqual(made);
    expect(fit).toMatchObject({ busy: false, made: { ...made, data: "bundled" } });
  });

  it("has its network trained on where that is chosen, with that progress in words", async () => {
    const end = deferred<unknown>();
    engine.answers.fitTeacher = (_, notify) => {
      notify({ type: "work", name: "fine-tuning", done: 5, total: 10, secondsLeft: 3 });
      return end.promise;
    };
    fit.fineTune = "last";
    const making = fit.start(data);
    await settle();
    expect(fit.progress!.name).toBe("Training the network");
    expect(engine.paramsOf("fitTeacher")[0]).toMatchObject({ fineTune: { stages: "last", epochs: 5, learningRate: 1e-4 } });
    end.resolve(made);
    await making;
  });

  it("that is stopped says what is left of it", async () => {
    const end = deferred<unknown>();
    engine.answers.fitTeacher = () => end.promise;
    engine.answers.stopFitting = () => end.reject(failure("stopped on request: no teacher was written", "INTERRUPTED"));
    const making = fit.start(data);
    await settle();
    await fit.stop();
    expect([await making, fit.problem]).toEqual([null, "Stopped on request: no teacher was written"]);
  });
});
