// The training of a run as a Python script: the same losses from the same start, in one process and in two, and a run folder that this program reads.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { parseRecipe } from "../../src-main/contract/parse-recipe";
import { presetOf, presets } from "../../src-main/contract/presets";
import type { Recipe, ResolvedRecipe } from "../../src-main/contract/recipe";
import { exportModel } from "../../src-main/engine/export";
import { unsupportedIn } from "../../src-main/export/training-script/supported";
import { readRun } from "../../src-main/runs/reader";
import { useBackend } from "../../src-main/tensor/tensor";
import { loadNetwork } from "../../src-main/training/network";
import { experimentFolder, trainInto } from "../engine/experiment";
import { noPython, python } from "../python";

const SAMPLE = resolve(import.meta.dirname, "../../assets/cifar-10-sample");
/** Of the bundled images: 10 steps in each of 2 epochs. */
const data = { path: "bundled", trainLimit: 80, testLimit: 40 };
const vit = { model: "vit_micro_patch4_32", patchSize: 8 };
const resnet = { model: "resnet20_cifar10", weights: "bundled" };
const train = { epochs: 2, batchSize: 8, learningRate: 3e-4, precision: "fp32", seed: 5 };
const augment = { crop: 4, flip: true };

/** Recipes as a person would write them; between them they use every part of the script. */
const cases: { [name: string]: { [section: string]: unknown } } = {
  "soft and hard labels": {
    train: { ...train, warmupEpochs: 1, clipNorm: 5, labelSmoothing: 0.1, weightDecay: 0.05 },
    distillation: {
      labels: 0.5,
      terms: [
        { kind: "soft", weight: 0.5, temperature: 2 },
        { kind: "hard", weight: 0.1 },
      ],
    },
    control: { train: { learningRate: 5e-4 } },
  },
  "locality guidance, as in the demo": {
    train: { ...train, learningRate: 1e-3, weightDecay: 0.05, decay: "matrices", schedule: "cosine-step", warmupEpochs: 1 },
    distillation: { labels: 1, terms: [{ kind: "locality", weight: 40, block: 4 }] },
  },
  "averaged weights, groups of batches, few views, and a teacher that sees larger images": {
    data: { ...data, trainLimit: 90, validation: 10 },
    teacher: { ...resnet, imageSize: 48 },
    train: { ...train, ema: 0.9, accumulate: 3, evaluateEvery: 2 },
    augment: { ...augment, views: 1 },
    distillation: {
      labels: 0.5,
      terms: [
        { kind: "features", weight: 1 },
        { kind: "features", weight: 1, studentStage: "block2", teacherStage: "stem" },
      ],
    },
  },
  "what else is learned from logits, of two teachers": {
    teacher: { ...resnet, others: [{ model: "resnet18_cifar10", weights: "bundled", weight: 0.5 }] },
    train: { ...train, optimizer: "sgd", momentum: 0.9, nesterov: true, learningRate: 1e-3 },
    student: { model: "resnet8_cifar10" },
    distillation: {
      labels: 1,
      terms: [
        { kind: "dkd", weight: 0.1 },
        { kind: "standardized-soft", weight: 0.5 },
        { kind: "logit-matching", weight: 0.01 },
        { kind: "attention-transfer", weight: 10 },
      ],
    },
  },
  "a distillation token": {
    student: { model: "deit_tiny_distilled_patch16_224", imageSize: 32, patchSize: 16 },
    train: { ...train, learningRate: 1e-4 },
    distillation: { labels: 0.5, terms: [{ kind: "token", weight: 0.5 }] },
  },
  "labels alone, as for a teacher": {
    teacher: null,
    control: null,
    distillation: null,
    student: { model: "resnet8_cifar10" },
    train: { ...train, optimizer: "sgd", momentum: 0.9, learningRate: 0.01, weightDecay: 5e-4 },
  },
  "few labels, and images without": {
    data: { ...data, labelled: 30, unlabelled: "rest" },
    distillation: {
      labels: 1,
      terms: [
        { kind: "soft", weight: 1, temperature: 1 },
        { kind: "locality", weight: 40, block: 4 },
      ],
    },
  },
  "images that are cropped to sizes of their own, erased and mixed in both ways, as for DeiT": {
    teacher: { ...resnet, imageSize: 48 },
    student: { model: "deit_tiny_distilled_patch16_224", imageSize: 32, patchSize: 16 },
    train: { ...train, learningRate: 1e-4, labelSmoothing: 0.1 },
    augment: { flip: true, resizedCrop: 0.2, erase: 0.5, mixup: 1.2, cutmix: 1 },
    distillation: { labels: 0.5, terms: [{ kind: "token", weight: 0.5 }] },
  },
  "mixed images of which few have labels": {
    data: { ...data, labelled: 30, unlabelled: "rest" },
    train: { ...train, labelSmoothing: 0.1 },
    augment: { ...augment, mixup: 0.3 },
    distillation: {
      labels: 1,
      terms: [
        { kind: "soft", weight: 1, temperature: 2 },
        { kind: "locality", weight: 40, block: 4 },
      ],
    },
  },
  "cutmix, erasing in a few views, and an end within an epoch": {
    data: { ...data, trainLimit: 90 },
    train: { ...train, epochs: 3, accumulate: 3, batches: 17, ema: 0.9 },
    augment: { ...augment, views: 1, cutmix: 0.5, erase: 0.8 },
    distillation: { labels: 0.5, terms: [{ kind: "dkd", weight: 0.5 }] },
  },
  "CIFAR-100, by its groups": {
    data: { path: "hundred", format: "cifar100-coarse" },
    teacher: null,
    control: null,
    distillation: null,
    student: { model: "resnet8_cifar10" },
  },
  "a folder of images": {
    data: { path: "pictures", testShare: 0.25, labelled: 40, unlabelled: "rest", smallestSide: 20 },
    distillation: { labels: 0.5, terms: [{ kind: "soft", weight: 0.5, temperature: 2 }] },
  },
};

const recipeOf = (name: string): Recipe => {
  const written = { name: "followed", data, teacher: resnet, student: vit, train, augment, control: { train: {} }, ...cases[name] };
  return parseRecipe({ ...written, data: { ...written.data, ...(!isBundled(name) && { path: placeOf(name) }) } });
};

const dataOf = (name: string) => (cases[name]!.data ?? data) as { path: string };
const isBundled = (name: string) => dataOf(name).path === "bundled";
/** Of the images, for train.py. */
const placeOf = (name: string) => (isBundled(name) ? SAMPLE : folder.path(dataOf(name).path));

let folder: ReturnType<typeof experimentFolder>;
beforeAll(async () => {
  useBackend(loadAddon());
  folder = experimentFolder();
  await makePictures(folder.path("pictures"));
  makeHundred(folder.path("hundred"));
});
afterAll(() => folder.remove());

/** Which a system allows. */
const ODD_NAME = process.platform === "win32" ? "it's 9 é.png" : 'it\'s\\"9"\n é.png';

/** 30 in each of four classes, of different sizes, shapes and formats, some of them transparent, of 16 bits, or turned, and one too small; and a text. */
async function makePictures(root: string): Promise<void> {
  const rows = readFileSync(join(SAMPLE, "cifar-10-batches-bin", "data_batch_1.bin"));
  for (let n = 0; n < 120; n++) {
    const place = join(root, ["airplane", "cat", "dog", "frog"][n % 4]!, n % 3 === 0 ? "more" : "");
    mkdirSync(place, { recursive: true });
    const planes = rows.subarray(n * 3073 + 1, (n + 1) * 3073);
    const pixels = Buffer.from(Array.from({ length: 3072 }, (_, i) => planes[(i % 3) * 1024 + Math.floor(i / 3)]!));
    const image = sharp(pixels, { raw: { width: 32, height: 32, channels: 3 } }).resize({ width: 32 + (n % 7), height: 32 + (n % 5), fit: "fill" });
    if (n === 5)
      await image
        .resize(16, 16)
        .png()
        .toFile(join(place, `${n}.png`));
    else if (n % 9 === 6)
      await image
        .ensureAlpha(0.5)
        .png()
        .toFile(join(place, `${n}.png`));
    else if (n % 8 === 0)
      await image
        .toColourspace("grey16")
        .png()
        .toFile(join(place, `${n}.png`));
    else if (n % 10 === 7)
      await image
        .jpeg({ quality: 95, chromaSubsampling: "4:4:4" })
        .withMetadata({ orientation: 6 })
        .toFile(join(place, `${n}.jpg`));
    else if (n === 9) await image.png().toFile(join(place, ODD_NAME));
    else await image.png().toFile(join(place, `${n}.png`));
  }
  writeFileSync(join(root, "cat", "notes.txt"), "no image");
}

/** The bundled images, stored as CIFAR-100 is: 80 and 40, each with a group and a class. */
function makeHundred(root: string): void {
  mkdirSync(root);
  const rows = readFileSync(join(SAMPLE, "cifar-10-batches-bin", "data_batch_1.bin"));
  const record = (n: number) => Buffer.concat([Buffer.from([(n * 7) % 20, n % 100]), rows.subarray(n * 3073 + 1, (n + 1) * 3073)]);
  const records = (first: number, count: number) => Buffer.concat(Array.from({ length: count }, (_, n) => record(first + n)));
  writeFileSync(join(root, "train.bin"), records(0, 80));
  writeFileSync(join(root, "test.bin"), records(80, 40));
}

const runOf = (name: string) => folder.path(`run ${name}`);
const scriptOf = (name: string) => folder.path(`script ${name}`);

async function exported(name: string): Promise<string[]> {
  if (existsSync(scriptOf(name))) return [];
  const { failure } = await trainInto(runOf(name), recipeOf(name));
  if (failure) throw new Error(failure);
  const warnings: string[] = [];
  await exportModel(
    { source: { run: runOf(name) }, format: "training-script", out: scriptOf(name) },
    async () => {},
    (notice) => notice.type === "warning" && warnings.push(notice.text),
  );
  return warnings;
}

describe("the folder", () => {
  test("holds the weights that all arms began with, and the teacher's", async () => {
    const name = "soft and hard labels";
    expect(await exported(name)).toEqual([]);
    expect(readdirSync(scriptOf(name)).sort()).toEqual(["distill_models.py", "start.safetensors", "teacher.safetensors", "train.py"]);
    const start = loadNetwork({ model: "vit_micro_patch4_32", weights: join(scriptOf(name), "start.safetensors"), imageSize: 32, patchSize: 8 });
    expect(start.hash).toBe(readRun(join(runOf(name), "student")).hashes.initialWeights);
    start.model.release();
  });

  test("is no model, and says where the trained one is to come from", async () => {
    const name = "soft and hard labels";
    await exported(name);
    const refusal = (weights: string) => expect(() => loadNetwork({ model: "vit_micro_patch4_32", weights }));
    const script = scriptOf(name);
    refusal(script).toThrow(
      `weights ${script}: the folder holds a training script, and no weights that it has trained: run ${join(script, "train.py")}, and name the folder of a run that it writes; for its teacher's weights, name ${join(script, "teacher.safetensors")}`,
    );
    const arms = ["student", "control"].map((arm) => join(runOf(name), arm));
    refusal(runOf(name)).toThrow(`weights ${runOf(name)}: the folder holds runs, and not weights; name one of them: ${arms.join(", ")}`);
    const unfinished = folder.path("unfinished");
    mkdirSync(unfinished);
    writeFileSync(join(unfinished, "events.jsonl"), "");
    refusal(unfinished).toThrow(`weights ${unfinished}: the run has no weights yet, which it writes when it is finished`);
  });

  test("says of runs in bf16 that the script trains in fp32, and has its runs say so", async () => {
    await exported("soft and hard labels");
    const run = folder.path("in bf16");
    cpSync(runOf("soft and hard labels"), run, { recursive: true });
    for (const arm of armsIn(run)) {
      const header = join(run, arm, "recipe.json");
      writeFileSync(header, readFileSync(header, "utf8").replace('"precision": "fp32"', '"precision": "bf16"'));
    }
    const notes: string[] = [];
    await exportModel(
      { source: { run }, format: "training-script", out: folder.path("script in fp32") },
      async () => {},
      (notice) => notice.type === "note" && notes.push(notice.text),
    );
    expect(notes).toContain("the script trains in fp32, the run in bf16");
    const precisions = readFileSync(folder.path("script in fp32", "train.py"), "utf8").match(/"precision": "\w+"/g);
    expect(new Set(precisions)).toEqual(new Set(['"precision": "fp32"']));
  });

  test("holds of the script what the recipe uses", async () => {
    const name = "soft and hard labels";
    await exported(name);
    const script = readFileSync(join(scriptOf(name), "train.py"), "utf8");
    expect(script).toContain("def soft(");
    for (const unused of ["[if", "[end]", "def dkd(", "def grid_of(", "class Guide", "def square(", "PIL", "def follow(", "def uniforms(", "def mixing_of("])
      expect(script).not.toContain(unused);
  });

  test("lists the images of a folder that the run used", async () => {
    const name = "a folder of images";
    expect(await exported(name)).toEqual([]);
    const { train, test: tested } = JSON.parse(readFileSync(join(scriptOf(name), "images.json"), "utf8"));
    const run = readRun(join(runOf(name), "student"));
    // Of 120, one is too small; a quarter of each class is for tests.
    expect([train.length, tested.length]).toEqual([87, 32]);
    expect(train.filter(([, label]: [string, number]) => label >= 0)).toHaveLength(40);
    expect(train[0][0]).toMatch(/^airplane\//);
    expect(run.classes).toEqual(["airplane", "cat", "dog", "frog"]);
  });

  test("warns where the images changed since", async () => {
    const name = "a folder of images";
    await exported(name);
    const file = folder.path("pictures", "cat", "1.png");
    const before = readFileSync(file);
    writeFileSync(file, readFileSync(folder.path("pictures", "dog", "2.png")));
    const out = folder.path("changed");
    const warnings: string[] = [];
    await exportModel(
      { source: { run: runOf(name) }, format: "training-script", out },
      async () => {},
      (notice) => notice.type === "warning" && warnings.push(notice.text),
    );
    writeFileSync(file, before);
    expect(warnings).toEqual([expect.stringMatching(/are no longer those of the run/)]);
  });
});

describe("a recipe", () => {
  test.each(presets.map(({ id, recipe }) => [id, recipe] as const))("%s can be repeated", (_, recipe) => {
    expect(unsupportedIn(recipe as ResolvedRecipe)).toEqual([]);
  });

  test("that cannot be repeated is refused, setting by setting", () => {
    const { recipe } = presetOf("demo");
    const changed = (part: keyof Recipe, values: object) => unsupportedIn({ ...recipe, [part]: { ...recipe[part as "data"], ...values } } as ResolvedRecipe);
    expect(changed("data", { unlabelled: "/elsewhere" })).toEqual([expect.stringMatching(/^expected images without labels from the data's own folder/)]);
  });
});

const missing = noPython("torch", "timm", "safetensors", "PIL");
const torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"];
const ways = [
  ...Object.keys(cases).map((name) => ["python", name, []] as const),
  ...["locality guidance, as in the demo", "few labels, and images without", "mixed images of which few have labels"].map(
    (name) => ["torchrun", name, torchrun] as const,
  ),
];
const armsIn = (run: string) => ["control", "same-images", "student"].filter((arm) => existsSync(join(run, arm, "recipe.json")));

test.for(ways)("by %s, with %s, losses, rates and accuracies follow those of the run", { timeout: 600_000 }, async ([how, name, starter], { skip }) => {
  await exported(name);
  if (missing) skip(missing);
  const out = folder.path(`${how} ${name}`);
  // Threads of several processes would wait for each other.
  const options = { encoding: "utf8", env: { ...process.env, OMP_NUM_THREADS: "1" } } as const;
  const place = placeOf(name);
  const { status, stderr } = spawnSync(python, [...starter, join(scriptOf(name), "train.py"), "--data", place, "--out", out, "--cpu"], options);
  expect(status, stderr).toBe(0);
  if (name === "a folder of images") refusesPlaces(scriptOf(name), place, out);
  const arms = armsIn(runOf(name));
  expect(armsIn(out)).toEqual(arms);
  if (arms.length === 0) follows(runOf(name), join(out, "single"));
  for (const arm of arms) follows(join(runOf(name), arm), join(out, arm));
});

/** Says in words what is wrong with a folder. */
function refusesPlaces(script: string, place: string, out: string): void {
  const refusal = (data: string, to: string) =>
    spawnSync(python, [join(script, "train.py"), "--data", data, "--out", to, "--cpu"], { encoding: "utf8" }).stderr;
  expect(refusal(place, out)).toMatch(/holds a folder control already, and nothing is overwritten; choose another name\n$/);
  expect(refusal(SAMPLE, folder.path("elsewhere"))).toMatch(
    /is missing, one of \d+: --data names the folder of images that the run learned from, or a copy of it\n$/,
  );
}

/** Losses of 20 steps within a thousandth, and what is measured after each epoch. */
function follows(ours: string, theirs: string): void {
  const [expected, found] = [readRun(ours), readRun(theirs)];
  expect(found.batches).toHaveLength(expected.batches.length);
  for (const [step, { loss, parts, lr, trainAcc }] of found.batches.slice(0, 20).entries()) {
    const batch = expected.batches[step]!;
    expect(Math.abs(loss - batch.loss) / batch.loss, `${found.arm}, step ${step + 1}: ${loss}, expected ${batch.loss}`).toBeLessThan(1e-3);
    expect(lr).toBeCloseTo(batch.lr, 10);
    expect(trainAcc).toBeCloseTo(batch.trainAcc, 1);
    for (const [part, value] of Object.entries(batch.parts)) expect(parts[part], part).toBeCloseTo(value, 2);
  }
  expect(found).toMatchObject({ state: "finished", evidenceDamage: null, damage: null });
  expect(found.hashes.initialWeights).toBe(expected.hashes.initialWeights);
  for (const [epoch, record] of found.epochRecords.entries())
    for (const figure of ["testAcc", "valAcc", "emaAcc"] as const) {
      const wanted = expected.epochRecords[epoch]![figure];
      if (wanted === null) expect(record[figure], `${found.arm}, ${figure}`).toBeNull();
      else expect(record[figure], `${found.arm}, ${figure}`).toBeCloseTo(wanted, 1);
    }
  const { model } = expected.recipe.student;
  expect(loadNetwork({ model, weights: theirs }).classes).toEqual(expected.classes);
}
