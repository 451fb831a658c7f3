import { beforeEach, describe, expect, it } from "vitest";
import { presetOf } from "../../../src-main/contract/presets";
import { Fit } from "../../../src-renderer/state/fit.svelte";
import { deferred, FakeEngine, failure, fakeBridge, settle, startedEngine } from "../fakes";

const { data } = presetOf("demo").recipe;
const made = { teacher: { model: "resnet18", weights: "/runs/x/teacher.safetensors", imageSize: 160 } };
let engine: FakeEngine;
let fit: Fit;

beforeEach(async () => {
  engine = new FakeEngine({ timeBackbone: () => ({ model: "resnet18", imageSize: 160, secondsPerImage: 0.01 }), fitTeacher: () => made });
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
    expect(engine.paramsOf("fitTeacher")[0]).toMatchObject({ data, from: "bundled", out: expect.stringMatching(/^\/runs\/.*-teacher$/), unique: true });
    end.resolve(made);
    expect(await making).toEqual(made);
    expect(fit).toMatchObject({ busy: false, made: { ...made, data: "bundled" } });
  });

  it("that is stopped says that it goes on from there", async () => {
    const end = deferred<unknown>();
    engine.answers.fitTeacher = () => end.promise;
    engine.answers.stopFitting = () => end.reject(failure("stopped on request", "INTERRUPTED"));
    const making = fit.start(data);
    await settle();
    await fit.stop();
    expect([await making, fit.problem]).toEqual([null, "Stopped. The features computed so far are kept: it goes on from there."]);
  });
});
