// Whose classes logits are for: by name where names are known, refused where they differ, said aloud where they are not known.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import type { Model } from "../../src-main/models/model";
import { createModel } from "../../src-main/models/registry";
import { writeSafetensors } from "../../src-main/models/safetensors";
import { hashWeights, saveWeights } from "../../src-main/models/weights";
import { fromArray, noGrad, scope, useBackend } from "../../src-main/tensor/tensor";
import { fittedTo, matchClasses } from "../../src-main/training/classes";
import { loadNetwork } from "../../src-main/training/network";
import { createStudent } from "../../src-main/training/student";

useBackend(loadAddon());
const folder = mkdtempSync(join(tmpdir(), "classes-"));
afterAll(() => rmSync(folder, { recursive: true }));

const KNOWN = ["tench", "Golden_Retriever", "cat", "traffic light"];

describe("names of a network and of the data", () => {
  const match = (names: readonly string[] | null, classes: readonly string[], count = names?.length ?? 0) =>
    matchClasses("the teacher (t)", { count, names }, classes);

  test("that are the same need nothing", () => {
    expect(match(KNOWN, KNOWN)).toEqual({ rows: null, note: null });
    // Composed and decomposed.
    expect(match(["caf\u00e9", "b"], ["cafe\u0301", "b"])).toEqual({ rows: null, note: null });
  });

  test("that are only spelt in another way are the same, which is said", () => {
    expect(match(["Dog", "Cat"], ["dog", "cat"])).toEqual({ rows: null, note: "the teacher (t) spells the classes in another way: Dog is dog, Cat is cat" });
  });

  test("in another order, or among more, are found by name, which is said", () => {
    expect(match(["a", "b"], ["b", "a"])).toEqual({
      rows: [1, 0],
      note: expect.stringContaining("has the data's classes in another order: its answers are taken by name, those for b, a"),
    });
    expect(match(KNOWN, ["traffic-light", "golden retriever"])).toEqual({
      rows: [3, 1],
      note: "the teacher (t) has 4 classes, of which the data has 2: its answers are taken by name, those for traffic-light, golden retriever",
    });
    // A name as it is counts before one like it.
    expect(match(["Cat", "cat", "dog"], ["cat", "dog"]).rows).toEqual([1, 2]);
  });

  test.each([
    [
      "other classes",
      ["digit0", "digit1", "digit2", "digit3"],
      /was trained for other classes than the data has: its 4 classes are tench, .*, and of the data's 4 it lacks digit0, digit1, digit2, digit3; choose weights/,
    ],
    ["one other class", ["cat", "dog"], /it lacks dog;/],
    ["two classes of one name", ["cat", "Cat"], /it lacks Cat|it lacks cat, Cat/],
  ])("are refused: %s", (_, classes, message) => {
    expect(() => match(KNOWN, classes)).toThrow(message);
  });

  test("that the network does not tell: as many as the data's are taken in their order, which is said; others are refused", () => {
    expect(match(null, ["a", "b"], 2)).toEqual({
      rows: null,
      note: "the teacher (t) does not say which classes its 2 answers are for: they are taken for a, b, in this order",
    });
    expect(() => match(null, ["a", "b"], 1000)).toThrow("the teacher (t) distinguishes 1000 classes, and the data has 2");
  });

  test("of which 10,000 take no time", () => {
    const many = Array.from({ length: 10_000 }, (_, i) => `class ${i}`);
    expect(match(many, [...many].reverse()).rows?.[0]).toBe(9_999);
  });
});

const images = () =>
  fromArray(
    Float32Array.from({ length: 2 * 32 * 32 * 3 }, (_, i) => Math.sin(i)),
    [2, 32, 32, 3],
  );
const logitsOf = (model: Model) => scope(() => noGrad(() => [...model.forward(images()).toFloat32()]));
const NOTES = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };

describe.each(["resnet8_cifar10", "vit_micro_patch4_32", "deit_tiny_distilled_patch16_224"])("%s", (name) => {
  const sizes = name.startsWith("deit") ? { imageSize: 32, patchSize: 16 } : {};
  const path = join(folder, `${name}.safetensors`);
  const silent = join(folder, `${name}-silent.safetensors`);
  beforeAll(() => {
    const model = createModel(name, { classes: 4, seed: 3, ...sizes });
    saveWeights(model, path, { classes: KNOWN, ...NOTES });
    writeSafetensors(silent, model.weights());
    model.release();
  });
  const load = (weights = path) => loadNetwork({ model: name, weights, ...sizes });

  test("answers for the data's classes with the logits that it has for them", () => {
    const whole = load();
    const all = logitsOf(whole.model);
    const fitted = fittedTo(whole, ["cat", "tench"], "the teacher");
    expect(logitsOf(fitted.model)).toEqual([all[2], all[0], all[6], all[4]]);
    expect(fitted).toMatchObject({ classes: ["cat", "tench"], notes: [expect.stringContaining("its answers are taken by name")] });
    expect(fitted.model.training).toBe(false);
    fitted.model.release();
  });

  test("as a student begins with the rows of the data's classes, and trains them", () => {
    const all = load();
    const expected = logitsOf(all.model);
    const choice = { model: name, imageSize: 32, patchSize: sizes.patchSize ?? null, weights: path };
    const { model, notes } = createStudent(choice, ["cat", "tench"], 0);
    expect(notes).toEqual([expect.stringMatching(/^the student \(.*its answers are taken by name/)]);
    expect(model.training).toBe(true);
    expect([...model.parameters().values()].every(({ requiresGrad }) => requiresGrad)).toBe(true);
    model.eval();
    expect(logitsOf(model)).toEqual([expected[2], expected[0], expected[6], expected[4]]);
    for (const each of [model, all.model]) each.release();
  });

  test("as a student of other classes is refused, unless its last layer is to start fresh", () => {
    const choice = { model: name, imageSize: 32, patchSize: sizes.patchSize ?? null, weights: path };
    expect(() => createStudent(choice, ["dog", "cat"], 0)).toThrow(/it lacks dog; .*; or set student\.freshHead to start the last layer fresh$/);
    expect(() => createStudent({ ...choice, weights: silent }, ["dog", "cat"], 0)).toThrow(
      /distinguishes 4 classes, and the data has 2: .* student\.freshHead/,
    );
    const fresh = createModel(name, { classes: 2, seed: 8, ...sizes });
    for (const weights of [path, silent]) {
      const { model, notes } = createStudent({ ...choice, weights, freshHead: true }, ["dog", "cat"], 8);
      expect(notes).toEqual([expect.stringContaining("fresh from the seed")]);
      const [body, head] = [...model.weights().keys()].filter((key) => /weight$/.test(key)).filter((_, i, keys) => i === 0 || i === keys.length - 1);
      const old = load();
      expect([...model.weights().get(body!)!.toFloat32()]).toEqual([...old.model.weights().get(body!)!.toFloat32()]);
      expect([...model.weights().get(head!)!.toFloat32()]).toEqual([...fresh.weights().get(head!)!.toFloat32()]);
      for (const each of [model, old.model]) each.release();
    }
    fresh.release();
  });
});

test("a file without a last layer can begin a student with a fresh one", () => {
  const model = createModel("resnet8_cifar10", { classes: 4, seed: 3 });
  const path = join(folder, "headless.safetensors");
  writeSafetensors(path, new Map([...model.weights()].filter(([name]) => !name.startsWith("fc.")).map(([name, weight]) => [`backbone.${name}`, weight])));
  model.release();
  const choice = { model: "resnet8_cifar10", imageSize: 32, patchSize: null, weights: path };
  expect(() => createStudent(choice, ["a", "b"], 0)).toThrow(/have no last layer \(fc\.weight\); or set student\.freshHead/);
  const student = createStudent({ ...choice, freshHead: true }, ["a", "b"], 0);
  expect(student.notes).toEqual([expect.stringContaining('"backbone." before the names is dropped'), expect.stringContaining("fresh from the seed")]);
  expect(hashWeights(student.model)).toHaveLength(64);
  student.model.release();
});
