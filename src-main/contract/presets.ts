import { bundledBackbone } from "./families";
import { parseRecipe } from "./parse-recipe";
import type { Recipe } from "./recipe";

export interface Preset {
  id: ComparisonId | TeacherId;
  /** comparison: control and student of a bundled teacher, as the app and `compare` train them; teacher: one network on labels alone, for `train-teacher`. */
  trains: "comparison" | "teacher";
  title: string;
  description: string;
  /** Names what differs from the defaults. */
  written: { readonly [section: string]: unknown };
  /** The same, complete. */
  recipe: Recipe;
}

type ComparisonId = "demo" | "few-labels" | "same-labels" | "article" | "article-equal" | "quick-look";
export type TeacherId = "teacher-quick" | "teacher-resnet18" | "teacher-resnet34";

const bundledTeacher = { model: "resnet18_cifar10", weights: "bundled" };
/** Nearly as good: for runs whose teacher sees new crops in every epoch, or that should end quickly. */
const quickTeacher = { model: "resnet20_cifar10", weights: "bundled" };

/** Where `same-labels` expects its teacher, which is made first: below the current folder on the command line, among the app's runs there. */
export const SAME_LABELS_TEACHER = "runs/same-labels-teacher";
export const fittedWeightsIn = (folder: string): string => `${folder}/teacher.safetensors`;

const article = {
  data: { path: "bundled" },
  teacher: bundledTeacher,
  student: { model: "vit_tiny_patch16_224" },
  train: { epochs: 5, batchSize: 128, optimizer: "adamw", learningRate: 1e-4, weightDecay: 0.01, decay: "all", schedule: "cosine-epoch" },
  distillation: { temperature: 0.212, alpha: 0.62 },
};

const quickRun = { epochs: 16, batchSize: 64, learningRate: 1e-3, weightDecay: 0.05, decay: "matrices", schedule: "cosine-step", warmupEpochs: 1 };
/** How weight and block were chosen: docs/results.md. */
const locality = { kind: "locality", weight: 40, block: 4 };

interface Written<Id> extends Omit<Preset, "id" | "trains" | "recipe"> {
  id: Id;
}

/** Recipes as a person would write them. */
const comparisons: readonly Written<ComparisonId>[] = [
  {
    id: "demo",
    title: "Demo",
    description:
      "A small vision transformer on the bundled sample, in a few minutes on two processor cores. Both arms learn from the labels; the student also learns where in an image the teacher sees what.",
    written: {
      name: "demo",
      data: { path: "bundled" },
      teacher: quickTeacher,
      student: { model: "vit_micro_patch4_32", patchSize: 8 },
      train: quickRun,
      distillation: { labels: 1, terms: [locality] },
      control: { train: {} },
      augment: { crop: 4, flip: true },
    },
  },
  {
    id: "few-labels",
    title: "Few labels",
    description:
      "Only 500 of the bundled images have labels. The control learns from these alone; the student also from 4,500 without labels, which the teacher labels. A third arm shows what the teacher adds on the 500 alone.",
    written: {
      name: "few labels",
      data: { path: "bundled", labelled: 500, unlabelled: "rest" },
      teacher: quickTeacher,
      student: { model: "vit_micro_patch4_32", patchSize: 8 },
      train: quickRun,
      distillation: { labels: 1, terms: [{ kind: "soft", weight: 1, temperature: 1 }, locality] },
      control: { train: {} },
      augment: { crop: 4, flip: true },
    },
  },
  {
    id: "same-labels",
    title: "Same labels",
    description:
      "The teacher has seen no label that the control lacks: a backbone from ImageNet, with a last layer for the 5,000 bundled images. It is made first, by train-teacher --data bundled, or in the app by Train a teacher here. The student learns where in an image its features are.",
    written: {
      name: "same labels",
      data: { path: "bundled" },
      teacher: { ...bundledBackbone, weights: fittedWeightsIn(SAME_LABELS_TEACHER) },
      student: { model: "vit_micro_patch4_32", patchSize: 8 },
      train: quickRun,
      distillation: { labels: 1, terms: [{ ...locality, stage: "stage5" }] },
      control: { train: {} },
      augment: { crop: 4, flip: true, views: 2 },
    },
  },
  {
    id: "article",
    title: "Article",
    description: "ViT-Tiny at 224 pixels with the published settings: the control has its own learning rate. Slow on a processor.",
    written: { name: "article", ...article, control: { train: { learningRate: 1e-3 } } },
  },
  {
    id: "article-equal",
    title: "Article, equal settings",
    description: "The same with the student's learning rate in both arms: they differ only in the teacher. Slow on a processor.",
    written: { name: "article at equal settings", ...article, control: { train: {} } },
  },
  {
    id: "quick-look",
    title: "Quick look",
    description: "A thousand images and two epochs: shows within seconds what a run looks like, but not what a teacher adds.",
    written: {
      name: "quick look",
      data: { path: "bundled", trainLimit: 1000, testLimit: 200 },
      teacher: quickTeacher,
      student: { model: "vit_micro_patch4_32", patchSize: 8 },
      train: { epochs: 2, batchSize: 64, learningRate: 1e-3 },
      distillation: { temperature: 0.212, alpha: 0.62 },
      control: { train: {} },
    },
  },
];

/** How the bundled teachers were trained, in one cycle: assets/teacher/. */
const teacherRun = {
  epochs: 12,
  batchSize: 128,
  optimizer: "sgd",
  learningRate: 0.1,
  nesterov: true,
  weightDecay: 0.0005,
  schedule: "cosine-step",
  warmupEpochs: 1,
};
/** Where `distill data download cifar10` puts it. */
const fullCifar10 = { path: "cifar-10" };
const augment = { crop: 4, flip: true };

const teachers: readonly Written<TeacherId>[] = [
  {
    id: "teacher-quick",
    title: "Quick teacher",
    description:
      "ResNet-20 on the 5,000 bundled images, in a few minutes on two processor cores: shows how a teacher is made. It reaches about 70 %; the bundled teachers, which had ten times as many images, have 90.",
    written: {
      name: "quick teacher",
      data: { path: "bundled" },
      student: { model: "resnet20_cifar10" },
      train: { ...teacherRun, epochs: 30, batchSize: 64, evaluateEvery: 5 },
      augment,
    },
  },
  {
    id: "teacher-resnet18",
    title: "ResNet-18 teacher",
    description:
      "ResNet-18 on the full CIFAR-10, in the folder cifar-10 or that of data.path, as the first cycle of the bundled teacher: 87 % after 12 epochs, 8 minutes each on two cores. More epochs reach more.",
    written: { name: "ResNet-18 teacher", data: fullCifar10, student: { model: "resnet18_cifar10" }, train: teacherRun, augment },
  },
  {
    id: "teacher-resnet34",
    title: "ResNet-34 teacher",
    description: "The same with ResNet-34, the network of the article's figure; about twice as slow, and not measured here. For a GPU, or a night.",
    written: { name: "ResNet-34 teacher", data: fullCifar10, student: { model: "resnet34_cifar10" }, train: teacherRun, augment },
  },
];

export const presets: readonly Preset[] = [
  ...comparisons.map((preset) => ({ trains: "comparison" as const, ...preset })),
  ...teachers.map((preset) => ({ trains: "teacher" as const, ...preset })),
].map((preset) => ({ ...preset, recipe: parseRecipe(preset.written) }));

export function presetsFor(trains: Preset["trains"]): readonly Preset[] {
  return presets.filter((preset) => preset.trains === trains);
}

export function presetOf(id: Preset["id"]): Preset {
  return presets.find((preset) => preset.id === id)!;
}
