import { existsSync } from "node:fs";
import { join } from "node:path";
import type { ResolvedRecipe } from "../../contract/recipe";

const TERMS = ["soft", "hard", "logit-matching"];
/** Side of CIFAR-10's images in pixels, at which the script shows them. */
const SIDE = 32;

/** Each setting that train.py does not know, and what it expects, in words. */
const checks: readonly [expected: string, isMet: (recipe: ResolvedRecipe) => boolean][] = [
  ["data of CIFAR-10's binary version", ({ data }) => isCifar10(data)],
  ["no data.validation", ({ data }) => data.validation === null],
  ["a label for every image (data.labelled, data.unlabelled)", ({ data }) => data.labelled === null && data.unlabelled === null],
  ["no data.skipCopies, skipLeaks or skipContradictions", ({ data }) => !data.skipCopies && !data.skipLeaks && !data.skipContradictions],
  [`images of ${SIDE} px for student and teacher`, ({ student, teacher }) => [student, teacher].every((each) => each === null || each.imageSize === SIDE)],
  ["one teacher", ({ teacher }) => (teacher?.others ?? []).length === 0],
  [`distillation by ${TERMS.join(", ")} alone`, ({ distillation }) => (distillation?.terms ?? []).every(({ kind }) => TERMS.includes(kind))],
  ["one term of a kind", ({ distillation }) => isDistinct((distillation?.terms ?? []).map(({ kind }) => kind))],
  [
    "no augmentation but crop and flip",
    ({ augment }) => augment.views === null && augment.mixup === 0 && augment.cutmix === 0 && augment.resizedCrop === 0 && augment.erase === 0,
  ],
  ["no train.ema", ({ train }) => train.ema === null],
  ["train.accumulate 1", ({ train }) => train.accumulate === 1],
  ["no train.batches", ({ train }) => train.batches === null],
];

/** What a recipe would have to have for train.py to repeat it, in words; none if it can. */
export function unsupportedIn(recipe: ResolvedRecipe): string[] {
  return checks.filter(([, isMet]) => !isMet(recipe)).map(([expected]) => `expected ${expected}`);
}

const isDistinct = (names: readonly string[]) => new Set(names).size === names.length;

function isCifar10({ path, format }: ResolvedRecipe["data"]): boolean {
  if (path === "bundled" || format === "cifar10-binary") return true;
  return format === "auto" && ["", "cifar-10-batches-bin"].some((inside) => existsSync(join(path, inside, "data_batch_1.bin")));
}
