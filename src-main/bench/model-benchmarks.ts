/** The models in training and in use. A step is what training does with a batch that is already there: forward, loss, backward, AdamW. */
import { CIFAR10_NORMALIZATION } from "../contract/normalization";
import type { Distillation, Precision } from "../contract/recipe";
import { createModel } from "../models/registry";
import { noGrad, type Tensor } from "../tensor/tensor";
import { Criterion } from "../training/criterion";
import type { Network } from "../training/network";
import { createOptimizer } from "../training/optimizer";
import { Pass } from "../training/pass";
import type { Benchmark } from "./benchmark";
import type { Inputs } from "./inputs";

interface Sizes {
  model: string;
  imageSize: number;
  patchSize: number | null;
  /** Number of parameters with 10 classes; PyTorch's model must have as many. */
  parameters: number;
}
type Goals = Partial<Record<Precision, number>>;

const CLASSES = 10;
export const VIT_TINY: Sizes = { model: "vit_tiny_patch16_224", imageSize: 224, patchSize: 16, parameters: 5_526_346 };
const VIT_TINY_32: Sizes = { model: "vit_tiny_patch16_224", imageSize: 32, patchSize: 4, parameters: 5_362_762 };
const RESNET18: Sizes = { model: "resnet18_cifar10", imageSize: 32, patchSize: null, parameters: 11_173_962 };

/** The bundled backbone, at the size at which it is used. */
const BACKBONE: Sizes = { model: "tf_efficientnet_lite0", imageSize: 160, patchSize: null, parameters: 3_383_818 };

interface Example {
  title: string;
  sizes: Sizes;
  batch: number;
  training: Goals;
  inference: Goals;
}
const EXAMPLES: Example[] = [
  { title: "ViT-tiny 224/16, batch 32", sizes: VIT_TINY, batch: 32, training: { fp32: 1.3, bf16: 1.9 }, inference: { fp32: 1.3, bf16: 1.7 } },
  { title: "ViT-tiny 32/4, batch 128", sizes: VIT_TINY_32, batch: 128, training: { fp32: 1.45, bf16: 1.9 }, inference: {} },
  { title: "ResNet-18 32 px, batch 32", sizes: RESNET18, batch: 32, training: { fp32: 2, bf16: 1.5 }, inference: { fp32: 2.2, bf16: 1.4 } },
];

export function modelBenchmarks(precision: Precision): Benchmark[] {
  return [
    ...EXAMPLES.map((example) => training(example, precision)),
    ...EXAMPLES.map((example) => inference(example, precision)),
    inference({ title: "EfficientNet-Lite0 160 px, batch 32", sizes: BACKBONE, batch: 32, training: {}, inference: {} }, precision),
    latency(precision),
    ...distillation(precision),
    ...EXAMPLES.map((example) => memory(example, precision)),
    scaling(EXAMPLES[0]!, precision),
  ];
}

function training({ title, sizes, batch, training: goals }: Example, precision: Precision): Benchmark {
  return {
    name: `training step, ${title}`,
    precision,
    unit: "images/s",
    measure: "speed",
    amount: batch,
    limit: null,
    goal: goals[precision] ?? null,
    torch: { benchmark: "training", precision, batch, ...sizes },
    open: (inputs) => step(inputs, sizes, batch, null),
  };
}

function memory(example: Example, precision: Precision): Benchmark {
  return { ...training(example, precision), name: `peak memory of a training step, ${example.title}`, unit: "MB", measure: "memory", goal: null };
}

function scaling(example: Example, precision: Precision): Benchmark {
  return { ...training(example, precision), name: `threads, 1 to all: training step, ${example.title}`, unit: "x", measure: "scaling", goal: null };
}

function inference({ title, sizes, batch, inference: goals }: Example, precision: Precision): Benchmark {
  return {
    ...training({ title, sizes, batch, training: goals, inference: goals }, precision),
    name: `inference, ${title}`,
    torch: { benchmark: "inference", precision, batch, ...sizes },
    open: (inputs) => {
      const { model } = network(inputs, sizes);
      const images = imagesOf(inputs, sizes, batch);
      model.eval();
      return () => void noGrad(() => model.forward(images).toFloat32());
    },
  };
}

function latency(precision: Precision): Benchmark {
  const one = inference({ title: "ResNet-18 32 px, one image", sizes: RESNET18, batch: 1, training: {}, inference: { fp32: 1.5, bf16: 1.5 } }, precision);
  return { ...one, name: "one image, ResNet-18 32 px", unit: "ms" };
}

/** A step of the preset `article` with a ResNet-18 as teacher: the student sees images at 224 px, the teacher at 32 px. */
function distillation(precision: Precision): Benchmark[] {
  const batch = 32;
  const soft = { temperature: 0.212, alpha: 0.62 };
  const terms = {
    labels: 1 - soft.alpha,
    terms: [{ kind: "soft" as const, weight: soft.alpha, temperature: soft.temperature }],
    images: "all" as const,
    cacheTeacher: true,
  };
  const theirs = { benchmark: "training", precision, batch, ...VIT_TINY, teacher: RESNET18, ...soft };
  const base = { precision, unit: "images/s", measure: "speed", amount: batch, limit: null, torch: theirs } as const;
  const computed: Benchmark["open"] = (inputs) => {
    const teacher = network(inputs, RESNET18);
    teacher.model.eval().requiresGrad(false);
    const seen = imagesOf(inputs, RESNET18, batch);
    return step(inputs, VIT_TINY, batch, terms, () => noGrad(() => teacher.model.forward(seen)));
  };
  const cached: Benchmark["open"] = (inputs) => {
    const logits = inputs.values(batch, CLASSES);
    return step(inputs, VIT_TINY, batch, terms, () => logits);
  };
  const published = { ...theirs, precision: "fp32" as const, teacher: { ...RESNET18, imageSize: 224 } };
  const goals = (values: Goals) => values[precision] ?? null;
  return [
    { ...base, name: "distillation step, teacher computed", goal: null, open: computed },
    { ...base, name: "distillation step, teacher's logits cached", goal: goals({ bf16: 2.2 }), open: cached },
    {
      ...base,
      name: "distillation step, cached; PyTorch fp32 with its teacher at 224 px",
      goal: goals({ bf16: 15 }),
      torch: published,
      onlyBeside: true,
      open: cached,
    },
  ];
}

/** A training step of a fresh student on one batch. Each step calls `teacherLogits`. */
function step(inputs: Inputs, sizes: Sizes, batch: number, distillation: Distillation | null, teacherLogits: () => Tensor | null = () => null): () => void {
  const student = network(inputs, sizes);
  const criterion = new Criterion(student, distillation, null);
  const pass = new Pass((batch) => criterion.compute(batch), student.model.parameters());
  const settings = { optimizer: "adamw", weightDecay: 0.01, decay: "all", momentum: 0, nesterov: false } as const;
  const optimizer = inputs.own(createOptimizer(student.model.parameters(), settings));
  const images = imagesOf(inputs, sizes, batch);
  const labels = inputs.whole(batch, CLASSES);
  return () => {
    const logits = teacherLogits();
    const numbers = pass.run({ images, labels, teacher: new Map(logits ? [["logits", logits]] : []) });
    numbers();
    optimizer.step(1e-4);
  };
}

function network(inputs: Inputs, { model, imageSize, patchSize }: Sizes): Network {
  return { model: inputs.own(createModel(model, { classes: CLASSES, imageSize, patchSize })), normalization: CIFAR10_NORMALIZATION };
}

function imagesOf(inputs: Inputs, { imageSize }: Sizes, batch: number): Tensor {
  return inputs.activation(batch, imageSize, imageSize, 3);
}
