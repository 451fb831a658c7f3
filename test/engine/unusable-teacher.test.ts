import { existsSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { createModel } from "../../src-main/models/registry";
import { saveWeights } from "../../src-main/models/weights";
import { backend, useBackend } from "../../src-main/tensor/tensor";
import { CIFAR10_CLASSES, experimentFolder, smallRecipe, trainInto } from "./experiment";

let folder: ReturnType<typeof experimentFolder>;
beforeAll(() => {
  useBackend(loadAddon());
  folder = experimentFolder();
});
afterAll(() => folder.remove());

/** Weights of a teacher with this value in one of its biases. */
function teacherWith(value: number): string {
  const path = folder.path(`${value}.safetensors`);
  const model = createModel("resnet20_cifar10", { classes: 10, imageSize: 8, seed: 7 });
  backend().write(model.parameters().get("fc.bias")!.handle, Float32Array.of(value, ...new Array(9).fill(0)));
  saveWeights(model, path, { classes: CIFAR10_CLASSES, mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] });
  model.release();
  return path;
}

test.each([Number.NaN, Number.NEGATIVE_INFINITY])("a teacher that answers %d is found before anything is trained or written", async (value) => {
  const [out, weights] = [folder.path(`run-${value}`), teacherWith(value)];
  const { code, failure } = await trainInto(out, smallRecipe(weights));
  expect(code).toBe("INPUT");
  expect(failure).toBe(
    `the teacher's answers are not numbers: with the weights ${weights}, the logits of 20 of the first 20 training images are NaN or infinite; ` +
      "choose weights of a network that was trained without such values",
  );
  expect(existsSync(out)).toBe(false);
});
