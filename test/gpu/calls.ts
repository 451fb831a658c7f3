// What test/gpu/all.sh plays on a GPU without Node: the calls that the program's own code makes. Models and training steps are here; cases and
// timed ops have their own files.
import { CIFAR10_NORMALIZATION } from "../../src-main/contract/normalization";
import type { Distillation, Precision } from "../../src-main/contract/recipe";
import { labelsOf } from "../../src-main/data/batches";
import type { Split } from "../../src-main/data/dataset";
import { noFingerprint } from "../../src-main/data/fingerprints";
import { createModel } from "../../src-main/models/registry";
import { assembleBatch } from "../../src-main/tensor/ops/assemble-batch";
import { fromArray, noGrad, scope, type Tensor, unscoped } from "../../src-main/tensor/tensor";
import { type Batch, Criterion } from "../../src-main/training/criterion";
import type { Network } from "../../src-main/training/network";
import { createOptimizer } from "../../src-main/training/optimizer";
import { Pass } from "../../src-main/training/pass";
import { whole } from "../reference/formula";
import { caseFiles } from "./cases";
import { timedOps } from "./ops";
import { type RecordedCalls, recordCalls } from "./recorded-calls";

const CLASSES = 10;
const IMAGES = 1024;
const ADAMW = { optimizer: "adamw", weightDecay: 0.01, decay: "all", momentum: 0, nesterov: false } as const;

export interface Sizes {
  model: string;
  imageSize: number;
  patchSize?: number;
}

/** Compared with the processor's results: logits of models, and losses of training steps. */
const MODELS: Sizes[] = [
  { model: "resnet18", imageSize: 64 },
  { model: "resnet18_cifar10", imageSize: 32 },
  { model: "resnet20_cifar10", imageSize: 32 },
  { model: "vit_tiny_patch16_224", imageSize: 224 },
  { model: "vit_micro_patch4_32", imageSize: 32 },
];
const MODEL_TOLERANCES = { fp32: 1e-4, bf16: 3e-2 };
const LOSS_TOLERANCES = { fp32: 1e-3, bf16: 2e-2 };
const TRAINED: { sizes: Sizes; teacher: Sizes | null }[] = [
  { sizes: { model: "vit_micro_patch4_32", imageSize: 32, patchSize: 8 }, teacher: { model: "resnet20_cifar10", imageSize: 32 } },
  { sizes: { model: "resnet20_cifar10", imageSize: 16 }, teacher: null },
];
const STEPS = 20;

/** Timed. */
const TIMED: { title: string; sizes: Sizes; batch: number }[] = [
  { title: "ViT-tiny 224/16, batch 128", sizes: { model: "vit_tiny_patch16_224", imageSize: 224 }, batch: 128 },
  { title: "ViT-tiny 32/4, batch 512", sizes: { model: "vit_tiny_patch16_224", imageSize: 32, patchSize: 4 }, batch: 512 },
  { title: "ResNet-18 32 px, batch 512", sizes: { model: "resnet18_cifar10", imageSize: 32 }, batch: 512 },
];

const PRECISIONS: Precision[] = ["fp32", "bf16"];

/** By file name in test/gpu/calls. */
export const files: Record<string, () => string> = Object.fromEntries([
  ...PRECISIONS.map((precision) => [`models-${precision}`, () => models(precision)] as const),
  ...PRECISIONS.flatMap((precision) =>
    TRAINED.map(({ sizes, teacher }) => [`training-${slug(sizes.model)}-${precision}`, () => training(sizes, teacher, precision)] as const),
  ),
  ...TIMED.flatMap(({ title, sizes, batch }) => [
    [`step-${slug(title)}-training`, () => trainingStep(title, sizes, batch)] as const,
    [`step-${slug(title)}-inference`, () => inferenceStep(title, sizes, batch)] as const,
  ]),
  ...Object.entries(caseFiles),
  ["ops", timedOps] as const,
]);

function models(precision: Precision): string {
  return recordCalls(`logits of models, ${precision}`, (calls) => {
    calls.add(`compare ${MODEL_TOLERANCES[precision]} 0`);
    for (const sizes of MODELS) {
      const { model } = network(sizes);
      model.eval();
      scope(() => noGrad(() => model.forward(images(calls, sizes, 2, precision)).toFloat32()));
      model.release();
    }
  });
}

/** Steps on batches with crops and flips, distilled or not. Only losses are compared: of two nearly equal logits either may come out larger. */
export function training(sizes: Sizes, teaches: Sizes | null, precision: Precision): string {
  const batchSize = 4;
  return recordCalls(`${STEPS} steps of ${sizes.model}${teaches ? `, distilled from ${teaches.model}` : ""}, ${precision}`, (calls) => {
    const split = splitOf(calls);
    const teacher = teaches && network(teaches);
    teacher?.model.eval().requiresGrad(false);
    const soft = { labels: 0.5, terms: [{ kind: "soft" as const, weight: 0.5, temperature: 2 }], images: "all" as const, cacheTeacher: true };
    const step = stepOf(sizes, teacher && soft);
    calls.add(`compare ${LOSS_TOLERANCES[precision]} 1`);
    for (let i = 1; i <= STEPS; i++)
      scope(() => {
        const indices = whole(`batch ${i}`, batchSize, split.count);
        const chosen = fromArray(indices, [batchSize]);
        // Crops by -4 ... 4 pixels; any number but 0 means a flip.
        const views = calls.numbers("i32", [batchSize, 3], { below: 9, offset: -4, of: `views ${i}` });
        const seen = ({ imageSize: size }: Sizes) =>
          assembleBatch(split.images, chosen, { views }, { ...CIFAR10_NORMALIZATION, size, dtype: precision === "bf16" ? "bf16" : "f32" });
        const logits = teacher && noGrad(() => teacher.model.forward(seen(teaches)));
        step({ images: seen(sizes), labels: labelsOf(split, indices), teacher: new Map(logits ? [["logits", logits]] : []) });
      });
  });
}

/** The third batch of a size and all later ones are replayed. */
export function trainingStep(title: string, sizes: Sizes, batchSize: number): string {
  return recordCalls(`${title}, training step, bf16`, (calls) => {
    const batch = unscoped(() => ({
      images: images(calls, sizes, batchSize, "bf16"),
      labels: calls.numbers("i32", [batchSize], { below: CLASSES }),
      teacher: new Map(),
    }));
    const step = stepOf(sizes, null);
    for (let i = 0; i < 3; i++) {
      if (i === 2) calls.add(`step ${batchSize}`);
      scope(() => step(batch));
    }
  });
}

export function inferenceStep(title: string, sizes: Sizes, batchSize: number): string {
  return recordCalls(`${title}, inference, bf16`, (calls) => {
    const { model } = network(sizes);
    model.eval();
    const seen = unscoped(() => images(calls, sizes, batchSize, "bf16"));
    calls.add(`step ${batchSize}`);
    scope(() => noGrad(() => model.forward(seen).toFloat32()));
  });
}

/** What training does with an assembled batch: both passes, the update, and reading the loss. */
function stepOf(sizes: Sizes, distillation: Distillation | null): (batch: Batch) => void {
  const student = network(sizes);
  const criterion = new Criterion(student, distillation, null);
  const pass = new Pass((batch) => criterion.compute(batch), student.model.parameters());
  const optimizer = createOptimizer(student.model.parameters(), ADAMW);
  return (batch) => {
    const numbers = pass.run(batch);
    optimizer.step(1e-3);
    numbers();
  };
}

function network({ model, imageSize, patchSize = undefined }: Sizes): Network {
  return { model: createModel(model, { classes: CLASSES, imageSize, patchSize, seed: 1 }), normalization: CIFAR10_NORMALIZATION };
}

function images(calls: RecordedCalls, { imageSize }: Sizes, count: number, precision: Precision): Tensor {
  return calls.numbers(precision === "bf16" ? "bf16" : "f32", [count, imageSize, imageSize, 3]);
}

function splitOf(calls: RecordedCalls): Split {
  const pixels = unscoped(() => calls.numbers("u8", [IMAGES, 32, 32, 3], { below: 256 }));
  return { images: pixels, labels: whole("labels", IMAGES, CLASSES), count: IMAGES, H: 32, W: 32, fingerprintOf: noFingerprint };
}

/** The calls of training until the given number of losses was read. The loss's parts are read after each. */
export function upToRead(count: number, calls: string): string {
  const lines = calls.split("\n");
  const reads = lines.flatMap((line, i) => (line.startsWith("take_read") ? [i] : []));
  return `${lines.slice(0, reads[2 * (count - 1)]! + 1).join("\n")}\n`;
}

/** "ViT-tiny 224/16, batch 128" -> vit-tiny-224-16-batch-128 */
function slug(title: string): string {
  return title.toLowerCase().replace(/[^a-z0-9]+/g, "-");
}
