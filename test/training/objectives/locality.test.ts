import { beforeAll, expect, test } from "vitest";
import { loadAddon } from "../../../src-main/backend/load";
import { render } from "../../../src-main/data/batches";
import type { Dataset } from "../../../src-main/data/dataset";
import { resizeGrid } from "../../../src-main/tensor/ops/resize-grid";
import { backend, backward, fromArray, scope, useBackend } from "../../../src-main/tensor/tensor";
import { measureChannels } from "../../../src-main/training/channel-statistics";
import { type Network, renderingFor } from "../../../src-main/training/network";
import type { ObjectiveContext } from "../../../src-main/training/objectives/objective";
import { createObjective } from "../../../src-main/training/objectives/table";
import { sample, uniform } from "../../reference/formula";
import { smallData, smallTeacher } from "../small-experiment";
import { expectClose, goldens, withGradient } from "./golden";

let data: Dataset;
beforeAll(() => {
  useBackend(loadAddon());
  data = smallData();
});

const term = { kind: "locality", weight: 1, block: 4, stage: null } as const;
const [N, D, C] = [6, 32, 12];

/** Networks that have a stage of these sizes, and nothing else. */
function contextOf(): ObjectiveContext {
  const student = {
    model: { name: "student", gridStage: (name: string) => ({ name, kind: "tokens", side: 4, prefix: 1, width: D }) },
  };
  const map = { name: "layer3", kind: "map", side: 8, channels: C };
  const teacher = {
    model: { name: "teacher", featureStages: [map], gridStage: () => map },
  };
  const statistics = new Map([["layer3", { mean: uniform("mean", C, 1), std: uniform("std", C, 0.5, 1) }]]);
  return { student, teacher, statistics, seed: 3 } as unknown as ObjectiveContext;
}

test("loss and gradients are PyTorch's", () => {
  const objective = createObjective(term, contextOf());
  const weights = objective.weights!.weights();
  backend().write(weights.get("project.weight")!.handle, uniform("project.weight", C * D, 0.3));
  backend().write(weights.get("project.bias")!.handle, uniform("project.bias", C, 0.1));
  scope(() => {
    const tokens = withGradient(fromArray(uniform("tokens", N * 17 * D), [N, 17, D]));
    const map = fromArray(uniform("map", N * 64 * C, 3, 1), [N, 8, 8, C]);
    const inputs = { features: new Map([["block4", tokens]]), teacher: new Map([["layer3@4", resizeGrid(map, 4)]]) };
    const { loss, readings } = objective.compute({ ...inputs, logits: tokens, labels: tokens });
    expect(readings).toEqual([{ names: ["locality"], tensor: loss }]);
    expectClose(loss.toFloat32(), [goldens.locality.loss], 1e-5);
    backward(loss);
    expectClose(sample("dtokens", tokens.grad!.toFloat32()), goldens.locality.dtokens, 1e-5);
    expectClose(weights.get("project.weight")!.grad!.toFloat32(), goldens.locality.dweight, 1e-5);
    expectClose(weights.get("project.bias")!.grad!.toFloat32(), goldens.locality.dbias, 1e-5);
  });
  objective.weights!.release();
});

test("says what it needs: the patch tokens of a block, and the teacher's last map on their grid", () => {
  const objective = createObjective(term, contextOf());
  expect(objective.needs).toEqual({ studentFeatures: ["block4"], teacherFeatures: [{ stage: "layer3", side: 4 }] });
  objective.weights!.release();
});

test("only the linear layer is trained, from the seed, within 1 / sqrt(D)", () => {
  const trainedOf = (seed: number) => {
    const { weights } = createObjective(term, { ...contextOf(), seed });
    const names = [...weights!.parameters().keys()];
    const values = weights!.weights().get("project.weight")!.toFloat32();
    weights!.release();
    return { names, values };
  };
  const { names, values } = trainedOf(3);
  expect(names).toEqual(["project.weight", "project.bias"]);
  expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(1 / Math.sqrt(D));
  expect(Math.max(...values.map(Math.abs))).toBeGreaterThan(0.9 / Math.sqrt(D));
  expect(trainedOf(3).values).toEqual(values);
  expect(trainedOf(4).values).not.toEqual(values);
});

test("without statistics, which a checkpoint brings, nothing is trained by mistake: the loss is no number", () => {
  const objective = createObjective(term, { ...contextOf(), statistics: undefined });
  scope(() => {
    const tokens = fromArray(uniform("tokens", N * 17 * D), [N, 17, D]);
    const map = fromArray(uniform("map", N * 64 * C, 3, 1), [N, 8, 8, C]);
    const inputs = { features: new Map([["block4", tokens]]), teacher: new Map([["layer3@4", resizeGrid(map, 4)]]) };
    expect(objective.compute({ ...inputs, logits: tokens, labels: tokens }).loss.toFloat32()).toEqual(Float32Array.of(Number.NaN));
  });
  objective.weights!.release();
});

const measured = (teacher: Network, images: number) =>
  measureChannels(teacher, data.train, "layer2", { images, precision: "fp32", yieldPoint: async () => {} });

test("measuring gives way before each batch, and can be stopped there", async () => {
  const teacher = smallTeacher({ imageSize: 16 });
  const stopped = () => Promise.reject(new Error("stopped"));
  const measuring = measureChannels(teacher, data.train, "layer2", { images: 20, precision: "fp32", yieldPoint: stopped });
  await expect(measuring).rejects.toThrow("stopped");
  teacher.model.release();
});

test("a teacher's channel statistics are those of all places of the first images", async () => {
  const teacher = smallTeacher({ imageSize: 16 });
  const { mean, std } = await measured(teacher, 20);
  const map = scope(() => {
    const shown = teacher.model.forwardFeatures(imagesOf(20), ["layer2"]);
    return { values: shown.features.get("layer2")!.toFloat32(), channels: shown.features.get("layer2")!.shape[3]! };
  });
  for (const c of [0, 7, map.channels - 1]) {
    const values = [...map.values].filter((_, i) => i % map.channels === c);
    const average = values.reduce((sum, value) => sum + value, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + (value - average) ** 2, 0) / (values.length - 1);
    expect(mean[c]).toBeCloseTo(average, 5);
    expect(std[c]).toBeCloseTo(Math.sqrt(variance), 5);
  }
  // More than there are, and in other batches.
  expect((await measured(teacher, 1000)).mean).toEqual((await measured(teacher, 28)).mean);
  teacher.model.release();

  function imagesOf(count: number) {
    const pixels = data.train.images.toUint8().slice(0, count * 8 * 8 * 3);
    const images = fromArray(pixels, [count, 8, 8, 3]);
    return render({ ...data.train, images, count }, { indices: Int32Array.from({ length: count }, (_, i) => i), views: null }, renderingFor(teacher, "fp32"));
  }
});
