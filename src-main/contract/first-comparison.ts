/** A first comparison with a teacher that was made for images of one's own. */
import { type GridStage, gridStagesOf } from "./families";
import type { NamedTeacher } from "./fitted-teacher";
import { parseRecipe } from "./parse-recipe";
import type { DataSource } from "./recipe";
import { ANSWER_CACHE_BYTES } from "./teacher";

const VIEWS = 2;
/** So many images are shown in all, in a few minutes; few images are shown more often. How this and the students were chosen: docs/results.md. */
const SHOWN = 60_000;
const EPOCHS = { least: 16, most: 100 };
/** The accuracy is measured so often. */
const TESTS = 20;

/** A student, and what it learns from a stage of the teacher beside the labels. */
interface Learner {
  student: { model: string; imageSize?: number; patchSize?: number };
  train: { [key: string]: unknown };
  /** Places along a side on which the teacher's features are kept. */
  side: number;
  takes: readonly GridStage["kind"][];
  term(stage: string): { [key: string]: unknown };
}

const convolutional: Learner = {
  student: { model: "resnet20_cifar10", imageSize: 32 },
  train: { learningRate: 2e-3 },
  side: 8,
  takes: ["map", "tokens"],
  term: (teacherStage) => ({ kind: "features", weight: 40, studentStage: "layer3", teacherStage }),
};

/** Its grid is coarser, so that the features of more images can be kept. */
const transformer: Learner = {
  student: { model: "vit_micro_patch4_32", patchSize: 8 },
  train: { learningRate: 1e-3, weightDecay: 0.05, decay: "matrices" },
  side: 4,
  takes: ["map"],
  term: (stage) => ({ kind: "locality", weight: 40, block: 4, stage }),
};

/**
 * As a person would write it: a small student of this teacher, with a control. It learns where in an image the teacher's features are, as what a last layer
 * answers of the images that it was fitted to is little more than their labels. `data`: complete; `images`: that train.
 */
export function firstComparison(data: DataSource, teacher: NamedTeacher, images: number) {
  const unsaid = parseRecipe({ data: { path: data.path }, student: convolutional.student }).data;
  const own = Object.entries(data).filter(([key, value]) => key === "path" || JSON.stringify(value) !== JSON.stringify(unsaid[key as keyof DataSource]));
  const epochs = Math.min(EPOCHS.most, Math.max(EPOCHS.least, Math.round(SHOWN / images)));
  const hint = hintOf(teacher);
  const learner = [convolutional, transformer].find((each) => hint !== null && canKeep(each, hint, images));
  const { student, train } = learner ?? convolutional;
  return {
    data: Object.fromEntries(own),
    teacher,
    student,
    train: { epochs, batchSize: 64, ...train, schedule: "cosine-step", warmupEpochs: 1, evaluateEvery: Math.max(1, Math.round(epochs / TESTS)) },
    distillation: learner ? { labels: 1, terms: [learner.term(hint!.name)] } : { temperature: 2, alpha: 0.8 },
    control: { train: {} },
    augment: { crop: 4, flip: true, views: VIEWS },
  };
}

const HINTS_PER_SIDE = 16;

/** The last of the teacher's stages on whose grid places of an image are still told apart; null if it has none. */
function hintOf({ model, imageSize }: NamedTeacher): GridStage | null {
  return (
    gridStagesOf(model, { imageSize })
      .filter(({ side }) => side >= imageSize / HINTS_PER_SIDE)
      .at(-1) ?? null
  );
}

/** Whether the features of all views can be kept: computed anew in each epoch, they would cost many times the student's training. */
function canKeep({ side, takes }: Learner, hint: GridStage, images: number): boolean {
  const channels = hint.kind === "map" ? hint.channels : hint.width;
  return takes.includes(hint.kind) && 4 * channels * Math.min(hint.side, side) ** 2 * VIEWS * images <= ANSWER_CACHE_BYTES;
}
