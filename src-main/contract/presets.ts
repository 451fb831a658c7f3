import { parseRecipe } from "./parse-recipe";
import type { Recipe } from "./recipe";

export interface Preset {
  id: "demo" | "few-labels" | "article" | "article-equal" | "quick-look";
  title: string;
  description: string;
  /** Names what differs from the defaults. */
  written: { readonly [section: string]: unknown };
  /** The same, complete. */
  recipe: Recipe;
}

const bundledTeacher = { model: "resnet18_cifar10", weights: "bundled" };
/** Nearly as good: for runs whose teacher sees new crops in every epoch, or that should end quickly. */
const quickTeacher = { model: "resnet20_cifar10", weights: "bundled" };

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

/** Recipes as a person would write them. */
const written: readonly Omit<Preset, "recipe">[] = [
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

export const presets: readonly Preset[] = written.map((preset) => ({ ...preset, recipe: parseRecipe(preset.written) }));

export function presetOf(id: Preset["id"]): Preset {
  return presets.find((preset) => preset.id === id)!;
}
