// Folders for timm and transformers: what is in them, that this program takes them back, and that both load them with our logits.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { modelNames } from "../../src-main/contract/families";
import { predict } from "../../src-main/engine/predict";
import { ResidentNetworks } from "../../src-main/engine/resident-networks";
import type { Exported } from "../../src-main/export/exported";
import { writeTimmFolder } from "../../src-main/export/timm/folder";
import { writeSafetensors } from "../../src-main/models/safetensors";
import { describeWeights, hashWeights, modelIn } from "../../src-main/models/weights";
import { noGrad, scope, useBackend } from "../../src-main/tensor/tensor";
import { loadNetwork } from "../../src-main/training/network";
import { answering, noPython } from "../python";
import { whole } from "../reference/formula";
import { formulaImages, formulaModel } from "../reference/models";

interface Sizes {
  model: string;
  imageSize: number;
  patchSize: number | null;
}
const goldens: Sizes[] = JSON.parse(readFileSync(new URL("../reference/models.json", import.meta.url), "utf8"));
/** Each model at the sizes of its last golden, which are the smaller ones. */
const cases = modelNames.map((name) => goldens.filter(({ model }) => model === name).at(-1)!);
/** As nobody should name a class, and somebody will. */
const CLASSES = ['"quoted"', "it's", "a/b\\c", "", " ", "Käse 🧀", "- yaml: [#", "```", "two\nlines", "<b>&amp;"];
const normalization = { mean: [0.5, 0.4, 0.3], std: [0.25, 0.2, 0.3] };

let folder: string;
beforeAll(() => {
  useBackend(loadAddon());
  folder = mkdtempSync(join(tmpdir(), "timm-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Writes the folder of a model with formula weights. */
async function written(sizes: Sizes): Promise<{ at: string; model: Exported["network"]["model"]; notes: readonly string[] }> {
  const model = formulaModel(sizes.model, sizes).eval();
  const network = { model, normalization, assumption: null, notes: [], origin: null, hash: hashWeights(model), classes: CLASSES, trainedAt: null };
  const at = join(folder, sizes.model);
  const { notes } = await writeTimmFolder({ network, classes: CLASSES, file: "", run: null, made: null }, at, {}, { notify() {}, yieldPoint: async () => {} });
  return { at, model, notes };
}

describe.each(cases.filter(({ model }) => /^(resnet20_cifar10|vit_micro|mobilenet|deit_tiny_distilled|vit_small_patch14_reg4)/.test(model)))(
  "$model",
  (sizes) => {
    test("is taken back with all that it says of itself", async () => {
      const { at, model } = await written(sizes);
      const back = loadNetwork({ model: sizes.model, weights: at });
      expect([back.hash, back.classes, back.normalization, back.model.sizes]).toEqual([hashWeights(model), CLASSES, normalization, model.sizes]);
      expect(readdirSync(at).sort()).toEqual([
        "README.md",
        "config.json",
        ...(/cifar10|convstem/.test(sizes.model) ? ["distill_models.py"] : []),
        "model.safetensors",
      ]);
      back.model.release();
      model.release();
      rmSync(at, { recursive: true });
    });
  },
);

describe("a folder that timm or the hub made", () => {
  const sizes = { model: "resnet20_cifar10", imageSize: 32, patchSize: null };
  /** Of the same tensors, without this program's metadata. */
  async function foreign(config: object | string): Promise<string> {
    const { at, model } = await written(sizes);
    writeSafetensors(join(at, "model.safetensors"), model.weights(), { format: "pt" });
    writeFileSync(join(at, "config.json"), typeof config === "string" ? config : JSON.stringify(config));
    model.release();
    return at;
  }
  const described = (at: string) => describeWeights(at, "resnet20_cifar10");

  test("says by its config.json which classes there are and how images are prepared, whether folder or file is named", async () => {
    const cfg = { input_size: [3, 40, 40], ...normalization };
    const at = await foreign({ architecture: "resnet18", label_names: CLASSES, pretrained_cfg: cfg });
    for (const path of [at, join(at, "model.safetensors")]) {
      const { classes, imageSize, mean, std, notes } = described(path);
      expect({ classes, imageSize, mean, std }).toEqual({ classes: CLASSES, imageSize: 40, ...normalization });
      expect(notes).toContain(`weights ${path}: config.json beside model.safetensors says classes, mean, std, imageSize`);
    }
    expect(modelIn(at)).toBe("resnet18");
    rmSync(at, { recursive: true });
  });

  test.each<[string, object | string]>([
    ["no JSON", "{"],
    ["of another program", { model_type: "bert" }],
    ["without what is wanted", { architecture: "mine" }],
  ])("a config.json that is %s is passed over", async (_, config) => {
    const at = await foreign(config);
    expect(described(at)).toMatchObject({ classes: null, imageSize: null, mean: null, std: null });
    expect(modelIn(at)).toBeNull();
    rmSync(at, { recursive: true });
  });

  test("names of another number of classes are passed over, and told", async () => {
    const at = await foreign({ architecture: "resnet18", label_names: ["a", "b"] });
    const { classes, notes } = described(at);
    expect(classes).toBeNull();
    expect(notes.join()).toMatch(/unusable "classes".* it names 2 classes, and the last layer has 10/);
    rmSync(at, { recursive: true });
  });
});

const missing = noPython("torch", "timm", "transformers", "PIL");
/** The smallest of each construction; DISTILL_MODELS=all compares every model. */
const small = /^(resnet26|resnet(8|18|20)_cifar10|vit_(tiny|micro)|deit_tiny|vit_small_patch14|.*lite0|mobilenet|convnext_tiny)/;
const compared = cases.filter(({ model }) => process.env.DISTILL_MODELS === "all" || small.test(model));

describe("in Python", () => {
  let loaded: ReturnType<typeof answering>;
  beforeAll(() => {
    if (!missing) loaded = answering(join(import.meta.dirname, "load_timm.py"), { paths: [join(import.meta.dirname, "../reference")] });
  });
  afterAll(() => loaded?.end());

  test.for(compared)("timm and transformers load $model with our logits and names", async (sizes, { skip }) => {
    if (missing) skip(missing);
    const { at, model, notes } = await written(sizes);
    const [count, size] = [2, sizes.imageSize];
    const ours = scope(() => noGrad(() => [...model.forward(formulaImages("images", count, size)).toFloat32()]));
    model.release();
    const own = /cifar10|convstem/.test(sizes.model);
    const answer = await loaded.ask<{ timm: number[][]; transformers: number[][]; labels: string[][] }>({ folder: at, own, count, size, image: null });
    expect(errorOf(answer.timm.flat(), ours)).toBeLessThan(1e-5);
    expect(errorOf(answer.transformers.flat(), ours)).toBeLessThan(1e-5);
    expect(answer.labels).toEqual([CLASSES, CLASSES]);
    expect(notes.length > 0).toBe(own);
    rmSync(at, { recursive: true });
  });

  test.for([
    [48, 64],
    [100, 80],
    [32, 32],
    [301, 97],
  ] as const)("an image of %i x %i px is prepared there as here", async ([W, H], { skip }) => {
    if (missing) skip(missing);
    const { at, model } = await written({ model: "vit_micro_patch4_32", imageSize: 32, patchSize: 8 });
    model.release();
    const image = join(folder, `${W}x${H}.png`);
    await noise(image, W, H);
    const request = { model: "vit_micro_patch4_32", weights: at, images: [{ path: image }] };
    const { images } = await predict(request, new ResidentNetworks(), () => {});
    const answer = await loaded.ask<{ image: number[][]; pipeline: { label: string; score: number } }>({ folder: at, own: false, count: 1, size: 32, image });
    const { logits, probabilities } = images[0]!;
    for (const other of answer.image) expect(errorOf(other, logits)).toBeLessThan(1e-5);
    const best = probabilities.indexOf(Math.max(...probabilities));
    expect(answer.pipeline.label).toBe(CLASSES[best]);
    expect(answer.pipeline.score).toBeCloseTo(probabilities[best]!, 5);
    rmSync(at, { recursive: true });
  });
});

/** max |difference| / max |ours| */
function errorOf(other: readonly number[], ours: readonly number[]): number {
  expect(other).toHaveLength(ours.length);
  return Math.max(...other.map((value, i) => Math.abs(value - ours[i]!))) / Math.max(...ours.map(Math.abs));
}

/** Writes a PNG of which no two pixels agree, so that every difference in resampling shows. */
async function noise(path: string, width: number, height: number): Promise<void> {
  const pixels = Uint8Array.from(whole("pixels", width * height * 3, 256));
  await sharp(pixels, { raw: { width, height, channels: 3 } })
    .png()
    .toFile(path);
}
