import { existsSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { fingerprintsOf } from "../../src-main/data/fingerprints";
import { openDataset } from "../../src-main/data/open-dataset";
import { checkTeacher, knownTestImages } from "../../src-main/engine/teachers";
import { Fingerprints, originMetadata } from "../../src-main/models/origin";
import { createModel } from "../../src-main/models/registry";
import { saveWeights } from "../../src-main/models/weights";
import { backend, useBackend } from "../../src-main/tensor/tensor";
import { loadNetwork } from "../../src-main/training/network";
import { CIFAR10_CLASSES, experimentFolder, smallRecipe, trainInto } from "./experiment";

let folder: ReturnType<typeof experimentFolder>;
beforeAll(() => {
  useBackend(loadAddon());
  folder = experimentFolder();
});
afterAll(() => folder.remove());

/** Weights of a teacher with these values in one of its tensors. */
function teacherWith(name: string, tensor: string, values: Float32Array): string {
  const path = folder.path(`${name}.safetensors`);
  const model = createModel("resnet20_cifar10", { classes: 10, imageSize: 8, seed: 7 });
  backend().write(model.weights().get(tensor)!.handle, values);
  saveWeights(model, path, { classes: CIFAR10_CLASSES, mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] });
  model.release();
  return path;
}

test.each([
  [Number.NaN, "fc.bias"],
  [Number.NEGATIVE_INFINITY, "bn1.running_var"],
])("%d in a teacher's weights is found before anything is trained or written, and the tensor named", async (value, tensor) => {
  const values = new Float32Array(tensor === "fc.bias" ? 10 : 16);
  values[3] = value;
  const [out, weights] = [folder.path(`run-${value}`), teacherWith(String(value), tensor, values)];
  const { code, failure } = await trainInto(out, smallRecipe(weights));
  expect(code).toBe("INPUT");
  expect(failure).toBe(
    `weights ${weights}: tensor "${tensor}" holds ${value}, at place 3 of ${values.length}: the weights come from a training run that failed, ` +
      "or the file is damaged; choose others",
  );
  expect(existsSync(out)).toBe(false);
  // The other verbs read them in the same way.
  expect(() => loadNetwork({ model: "resnet20_cifar10", weights })).toThrow(`tensor "${tensor}" holds ${value}`);
});

test("a teacher of other classes is found by what its file says, whether its model is given or not", () => {
  const weights = teacherWith("six", "fc.bias", new Float32Array(10));
  const of = (model: string | null, classes: readonly string[]) => checkTeacher({ model, weights, classes: [...classes] });
  expect(of(null, [])).toEqual({ model: "resnet20_cifar10", imageSize: 8, problem: null, known: null });
  expect(of("resnet20_cifar10", CIFAR10_CLASSES).problem).toBeNull();
  expect(of(null, ["cat", "dog"]).problem).toBeNull();
  expect(of(null, ["bark", "cat"]).problem).toMatch(
    /^the teacher \(.*six\.safetensors\) was trained for other classes than the data has: .* of the data's 2 it lacks bark/,
  );
  expect(() => of("resnet18", CIFAR10_CLASSES)).not.toThrow();
  expect(() => checkTeacher({ model: null, weights: folder.path("none.safetensors"), classes: [] })).toThrow("none.safetensors");
});

test("a teacher that knows test images is found by a look at them", async () => {
  const { data } = smallRecipe(folder.teacher);
  const read = await openDataset(data);
  const prints = await fingerprintsOf(read.test);
  read.release();
  const model = createModel("resnet20_cifar10", { classes: 10, imageSize: 8, seed: 1 });
  const weights = folder.path("knows.safetensors");
  const origin = { fitted: new Fingerprints(prints.slice(0, 3)), unlabelled: new Fingerprints([]), chosen: new Fingerprints(prints), drawn: null };
  saveWeights(model, weights, { classes: CIFAR10_CLASSES, mean: [0, 0, 0], std: [1, 1, 1], more: originMetadata(origin) });
  model.release();
  const asked = { model: null, weights, classes: CIFAR10_CLASSES };
  expect(await knownTestImages({ ...asked, data })).toEqual([
    expect.stringMatching(/^the teacher was fitted to 3 of these 10 test images/),
    "the teacher was chosen by 7 of these 10 test images, so its accuracy on them may be too high",
  ]);
  expect(await knownTestImages(asked)).toEqual([]);
  expect(await knownTestImages({ ...asked, weights: folder.teacher, data })).toEqual([]);
});

test("a teacher whose answers overflow is found before anything is trained or written", async () => {
  const [out, weights] = [folder.path("run-overflow"), teacherWith("overflow", "fc.weight", new Float32Array(640).fill(3e38))];
  const { code, failure } = await trainInto(out, smallRecipe(weights));
  expect(code).toBe("INPUT");
  expect(failure).toMatch(
    /^the teacher's answers are not numbers: with the weights .*overflow\.safetensors, the logits of \d+ of the first 20 training images/,
  );
  expect(existsSync(out)).toBe(false);
});
