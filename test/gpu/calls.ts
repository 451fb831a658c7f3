// What test/gpu/all.sh plays on a GPU without Node: models and trainings by the program's own code, noted down call by call.
import type { Precision } from "../../src-main/contract/recipe";
import { assemble, labelsOf } from "../../src-main/data/batches";
import type { Split } from "../../src-main/data/dataset";
import { createModel } from "../../src-main/models/registry";
import { noGrad, scope, type Tensor, unscoped, useBackend } from "../../src-main/tensor/tensor";
import { type Batch, control, distil, type Task } from "../../src-main/training/losses/task";
import { CIFAR10_NORMALIZATION, type Network } from "../../src-main/training/network";
import { createOptimizer } from "../../src-main/training/optimizer";
import { Pass } from "../../src-main/training/pass";
import { whole } from "../reference/formula";
import { NotedCalls } from "./noted-calls";

const CLASSES = 10;
const IMAGES = 1024;
const ADAMW = { optimizer: "adamw", weightDecay: 0.01, decay: "all", momentum: 0, nesterov: false } as const;

export interface Sizes {
  model: string;
  imageSize: number;
  patchSize?: number;
}

/** Compared with the processor's: what models give, and the losses of trainings. */
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

/** By the name of the file. */
export const files: Record<string, () => string> = Object.fromEntries([
  ...PRECISIONS.map((precision) => [`models-${precision}`, () => models(precision)] as const),
  ...PRECISIONS.flatMap((precision) =>
    TRAINED.map(({ sizes, teacher }) => [`training-${slug(sizes.model)}-${precision}`, () => training(sizes, teacher, precision)] as const),
  ),
  ...TIMED.flatMap(({ title, sizes, batch }) => [
    [`step-${slug(title)}-training`, () => trainingStep(title, sizes, batch)] as const,
    [`step-${slug(title)}-inference`, () => inferenceStep(title, sizes, batch)] as const,
  ]),
]);

function noted(title: string, body: (calls: NotedCalls) => void): string {
  const calls = new NotedCalls();
  useBackend(calls.addon);
  calls.add(`title ${title}`);
  body(calls);
  return `${calls.lines.join("\n")}\n`;
}

function models(precision: Precision): string {
  return noted(`logits of models, ${precision}`, (calls) => {
    calls.add(`compare ${MODEL_TOLERANCES[precision]} 0`);
    for (const sizes of MODELS) {
      const { model } = network(sizes);
      model.eval();
      scope(() => noGrad(() => model.forward(images(calls, sizes, 2, precision)).toFloat32()));
      model.release();
    }
  });
}

/** Steps from batches with crops and flips, distilled or not. Compared are losses alone: of two logits that are nearly equal either may be the larger. */
export function training(sizes: Sizes, teaches: Sizes | null, precision: Precision): string {
  const batchSize = 4;
  return noted(`${STEPS} steps of ${sizes.model}${teaches ? `, distilled from ${teaches.model}` : ""}, ${precision}`, (calls) => {
    const split = splitOf(calls);
    const teacher = teaches && network(teaches);
    teacher?.model.eval().requiresGrad(false);
    const step = stepOf(sizes, (student) => (teacher ? distil(student, { temperature: 2, alpha: 0.5 }) : control(student)));
    calls.add(`compare ${LOSS_TOLERANCES[precision]} 1`);
    for (let epoch = 1; epoch <= STEPS; epoch++)
      scope(() => {
        const indices = whole(`batch ${epoch}`, batchSize, split.count);
        const seen = ({ imageSize }: Sizes) =>
          assemble(split, indices, { ...CIFAR10_NORMALIZATION, precision, imageSize, augment: { crop: 4, flip: true }, seed: 1, epoch });
        const teacherLogits = teacher && noGrad(() => teacher.model.forward(seen(teaches)));
        step({ images: seen(sizes), labels: labelsOf(split, indices), teacherLogits });
      });
  });
}

/** The third batch of a size and all later ones are replayed. */
export function trainingStep(title: string, sizes: Sizes, batchSize: number): string {
  return noted(`${title}, training step, bf16`, (calls) => {
    const batch = unscoped(() => ({
      images: images(calls, sizes, batchSize, "bf16"),
      labels: calls.numbers("i32", [batchSize], { below: CLASSES }),
      teacherLogits: null,
    }));
    const step = stepOf(sizes, control);
    for (let i = 0; i < 3; i++) {
      if (i === 2) calls.add(`step ${batchSize}`);
      scope(() => step(batch));
    }
  });
}

export function inferenceStep(title: string, sizes: Sizes, batchSize: number): string {
  return noted(`${title}, inference, bf16`, (calls) => {
    const { model } = network(sizes);
    model.eval();
    const seen = unscoped(() => images(calls, sizes, batchSize, "bf16"));
    calls.add(`step ${batchSize}`);
    scope(() => noGrad(() => model.forward(seen).toFloat32()));
  });
}

/** What a training does with a batch that it has: both passes, the update, and reading the loss. */
function stepOf(sizes: Sizes, taskOf: (student: Network) => Task): (batch: Batch) => void {
  const student = network(sizes);
  const pass = new Pass(taskOf(student), student.model.parameters());
  const optimizer = createOptimizer(student.model.parameters(), ADAMW);
  return (batch) => {
    const loss = pass.run(batch);
    optimizer.step(1e-3);
    loss();
  };
}

function network({ model, imageSize, patchSize = undefined }: Sizes): Network {
  return { model: createModel(model, { classes: CLASSES, imageSize, patchSize, seed: 1 }), normalization: CIFAR10_NORMALIZATION };
}

function images(calls: NotedCalls, { imageSize }: Sizes, count: number, precision: Precision): Tensor {
  return calls.numbers(precision === "bf16" ? "bf16" : "f32", [count, imageSize, imageSize, 3]);
}

function splitOf(calls: NotedCalls): Split {
  const pixels = unscoped(() => calls.numbers("u8", [IMAGES, 32, 32, 3], { below: 256 }));
  return { images: pixels, labels: whole("labels", IMAGES, CLASSES), count: IMAGES, H: 32, W: 32 };
}

/** The calls of a training until so many losses are there. Behind each loss its parts are read. */
export function upToRead(count: number, calls: string): string {
  const lines = calls.split("\n");
  const reads = lines.flatMap((line, i) => (line.startsWith("take_read") ? [i] : []));
  return `${lines.slice(0, reads[2 * (count - 1)]! + 1).join("\n")}\n`;
}

/** "ViT-tiny 224/16, batch 128" -> vit-tiny-224-16-batch-128 */
function slug(title: string): string {
  return title.toLowerCase().replace(/[^a-z0-9]+/g, "-");
}
