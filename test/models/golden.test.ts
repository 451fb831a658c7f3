// Logits of every model against timm's, with formula weights.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { modelInfos } from "../../src-main/models/registry";
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
// The reference would take minutes for the large ones.
const isQuick = ({ parameters, imageSize }: Golden) => parameters < 6e6 && imageSize <= 32;

describe.each(isas)("%s", (isa) => {
  it.each(goldens.filter((golden) => isa !== "scalar" || isas.length === 1 || isQuick(golden)))("$model, $imageSize px, patch $patchSize", (golden) => {
    addon.selectIsa(isa);
    const logits = logitsOf(golden);
    const expected = golden.logits.flat();
    expect(logits).toHaveLength(expected.length);
    expect(Math.max(...expected.map((value, i) => Math.abs(logits[i]! - value)))).toBeLessThanOrEqual(TOLERANCE);
  });
});

function logitsOf({ model: name, imageSize, patchSize, logits }: Golden): Float32Array {
  const model = formulaModel(name, { imageSize, patchSize }).eval();
  try {
    return scope(() => noGrad(() => model.forward(formulaImages("images", logits.length, imageSize)).toFloat32()));
  } finally {
    model.release();
  }
}

it("covers every model of the registry", () => {
  expect(new Set(goldens.map(({ model }) => model))).toEqual(new Set(modelInfos().map(({ name }) => name)));
});

it.each(goldens)("$model, $imageSize px, patch $patchSize has $parameters parameters", ({ model: name, imageSize, patchSize, parameters }) => {
  const model = formulaModel(name, { imageSize, patchSize });
  expect(model.parameterCount()).toBe(parameters);
  model.release();
});

it("has the published sizes", () => {
  const parameters = Object.fromEntries(modelInfos().map((info) => [info.name, info.parameters]));
  expect(parameters).toMatchObject({ resnet18_cifar10: 11_173_962, vit_tiny_patch16_224: 5_526_346 });
});
