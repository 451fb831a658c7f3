// Logits of every model against timm's, with formula weights.
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { modelInfos, modelNames } from "../../src-main/contract/families";
import type { Model } from "../../src-main/models/model";
import { noGrad, scope, useBackend } from "../../src-main/tensor/tensor";
import { formulaImages, formulaModel } from "../reference/models";

const TOLERANCE = 1e-4;

interface Golden {
  model: string;
  imageSize: number;
  patchSize: number | null;
  parameters: number;
  logits: number[][];
}
const goldens: Golden[] = JSON.parse(readFileSync(new URL("../reference/models.json", import.meta.url), "utf8"));

const addon = loadAddon();
useBackend(addon);
const { isas } = addon.cpuFeatures();

describe.each(goldens)("$model, $imageSize px, patch $patchSize", (golden) => {
  let model: Model;
  beforeAll(() => {
    model = formulaModel(golden.model, golden).eval();
  });
  afterAll(() => model.release());

  it(`has ${golden.parameters} parameters`, () => expect(model.parameterCount()).toBe(golden.parameters));

  // The scalar reference would take minutes for the large models.
  const isLarge = golden.parameters > 2e6;
  it.each(isas.filter((isa) => isa !== "scalar" || !isLarge || isas.length === 1))("has timm's logits on %s", (isa) => {
    addon.selectIsa(isa);
    const expected = golden.logits.flat();
    const images = () => formulaImages("images", golden.logits.length, golden.imageSize);
    const actual = scope(() => noGrad(() => model.forward(images()).toFloat32()));
    expect(actual).toHaveLength(expected.length);
    expect(Math.max(...expected.map((value, i) => Math.abs(actual[i]! - value)))).toBeLessThanOrEqual(TOLERANCE);
  });
});

it("covers every model of the registry", () => {
  expect(new Set(goldens.map(({ model }) => model))).toEqual(new Set(modelNames));
});

it("has the published sizes", () => {
  const parameters = Object.fromEntries(modelInfos.map((info) => [info.name, info.parameters]));
  expect(parameters).toMatchObject({ resnet18_cifar10: 11_173_962, vit_tiny_patch16_224: 5_526_346 });
});
