// The bundled EfficientNet-Lite0: logits of the package's own module, and that module's names.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { codeOf } from "../../src-main/models/registry";
import { fromArray, noGrad, scope, useBackend } from "../../src-main/tensor/tensor";
import { loadNetwork } from "../../src-main/training/network";

const golden: { imageSize: number; images: number[]; logits: number[][]; names: Record<string, string> } = JSON.parse(
  readFileSync(new URL("../reference/backbone.json", import.meta.url), "utf8"),
);
const asset = (path: string) => fileURLToPath(new URL(`../../assets/${path}`, import.meta.url));
const MODEL = "tf_efficientnet_lite0";
const TOLERANCE = 1e-3;

useBackend(loadAddon());
const network = loadNetwork({ model: MODEL, weights: asset(`backbone/${MODEL}.safetensors`), imageSize: golden.imageSize });
afterAll(() => network.model.release());

describe("the bundled backbone", () => {
  it("says what it knows of itself: ImageNet's classes by name, and how its images were normalised", () => {
    expect(network).toMatchObject({ trainedAt: 224, assumption: null, notes: [], normalization: { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] } });
    expect([network.classes!.length, new Set(network.classes!.map((name) => name.toLowerCase())).size]).toEqual([1000, 1000]);
    expect([0, 134, 264, 639, 999].map((label) => network.classes![label])).toEqual([
      "tench",
      "crane bird",
      "Cardigan Welsh corgi",
      "maillot tank suit",
      "toilet tissue",
    ]);
  });

  it("has the logits of the module that its weights come from", () => {
    const { mean, std } = network.normalization;
    const images = fromArray(enlarged(golden.images, golden.imageSize, mean[0]!, std[0]!), [golden.images.length, golden.imageSize, golden.imageSize, 3]);
    const logits = scope(() => noGrad(() => network.model.forward(images).toFloat32()));
    const expected = golden.logits.flat();
    expect(Math.max(...expected.map((value, i) => Math.abs(logits[i]! - value)))).toBeLessThan(TOLERANCE);
    images.release();
  });

  it("is read under that module's names, too", () => {
    const naming = codeOf(MODEL).namings.find(({ head }) => head === "_fc.weight")!;
    expect(Object.keys(golden.names).length).toBeGreaterThan(50);
    expect(Object.fromEntries(Object.keys(golden.names).map((name) => [name, naming.toTimm(name)]))).toEqual(golden.names);
    for (const name of Object.values(golden.names)) expect(network.model.weights().has(name)).toBe(true);
  });
});

/** [N,Z,Z,3]: images of the bundled test batch, each pixel a square, with the same mean and deviation for all channels. */
function enlarged(images: readonly number[], side: number, mean: number, std: number): Float32Array {
  const batch = readFileSync(asset("cifar-10-sample/cifar-10-batches-bin/test_batch.bin"));
  const scale = side / 32;
  return Float32Array.from({ length: images.length * side * side * 3 }, (_, at) => {
    const channel = at % 3;
    const [x, y, image] = [Math.floor(at / 3) % side, Math.floor(at / 3 / side) % side, Math.floor(at / 3 / side / side)];
    const place = channel * 1024 + Math.floor(y / scale) * 32 + Math.floor(x / scale);
    return (batch[images[image]! * 3073 + 1 + place]! / 255 - mean) / std;
  });
}
