// Position embeddings for images of another size, against timm.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { resampledPositions } from "../../src-main/models/positions";
import { createModel } from "../../src-main/models/registry";
import { saveWeights } from "../../src-main/models/weights";
import { useBackend } from "../../src-main/tensor/tensor";
import { loadNetwork } from "../../src-main/training/network";
import { uniform } from "../reference/formula";
import { relativeError } from "../reference/goldens";
import goldens from "../reference/positions.json";

let folder: string;
beforeAll(() => {
  useBackend(loadAddon());
  folder = mkdtempSync(join(tmpdir(), "positions-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const isEqual = (a: Float32Array, b: Float32Array) => a.length === b.length && a.every((value, i) => value === b[i]);

it.each(goldens)("are timm's: $from to $to patches along a side, after $placed tokens", ({ values, ...grids }) => {
  const { from, to, placed, width } = grids;
  const before = uniform(`${from} to ${to}`, (placed + from * from) * width);
  expect(relativeError(resampledPositions(before, grids), values)).toBeLessThan(1e-6);
});

describe("weights of a vision transformer", () => {
  it.each([
    ["vit_micro_patch4_32", 32, 40, 1],
    ["deit_tiny_distilled_patch16_224", 64, 48, 2],
    ["vit_small_patch14_dinov2", 56, 28, 1],
    ["vit_small_patch14_reg4_dinov2", 56, 70, 0],
  ])("of %s at %i px are used at %i px, which is said", (name, own, other, placed) => {
    const weights = join(folder, `${name}.safetensors`);
    const model = createModel(name, { classes: 3, imageSize: own, seed: 5 });
    saveWeights(model, weights, { classes: ["a", "b", "c"], mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] });
    const loaded = loadNetwork({ model: name, weights, imageSize: other });
    const [from, to] = [own, other].map((side) => side / model.sizes.patchSize!) as [number, number];
    for (const [weight, tensor] of loaded.model.weights()) {
      const values = model.weights().get(weight)!.toFloat32();
      const grids = { placed, from, to, width: tensor.shape.at(-1)! };
      expect(isEqual(tensor.toFloat32(), weight === "pos_embed" ? resampledPositions(values, grids) : values), weight).toBe(true);
    }
    expect(loaded.notes).toEqual([
      `weights ${weights}: the positions of their patches, for images of ${own} px, are resampled for ${other} px (bicubic, antialiased, as timm does)`,
    ]);
    const asTrained = loadNetwork({ model: name, weights });
    expect([asTrained.model.imageSize, asTrained.notes]).toEqual([own, []]);
    for (const each of [model, loaded.model, asTrained.model]) each.release();
  });
});
