import type { ObjectiveKind } from "../../contract/objectives";
import type { ResolvedRecipe } from "../../contract/recipe";

/** Each setting that train.py does not know, and what it expects, in words. */
const checks: readonly [expected: string, isMet: (recipe: ResolvedRecipe) => boolean][] = [
  [
    "images without labels from the data's own folder (data.unlabelled is rest): the script has one folder of images",
    ({ data }) => data.unlabelled === null || data.unlabelled === "rest",
  ],
];

/** What a recipe would have to have for train.py to repeat it, in words; none if it can. */
export function unsupportedIn(recipe: ResolvedRecipe): string[] {
  return checks.filter(([, isMet]) => !isMet(recipe)).map(([expected]) => `expected ${expected}`);
}

const DIVERGENCES: readonly ObjectiveKind[] = ["soft", "standardized-soft", "dkd", "token"];
const GUIDED: readonly ObjectiveKind[] = ["locality", "features"];

/** The parts of train.py that a recipe uses, by their names there. */
export function partsOf({ distillation, train, augment }: ResolvedRecipe): string[] {
  const kinds = (distillation?.terms ?? []).map(({ kind }) => kind);
  const has = (those: readonly ObjectiveKind[]) => kinds.some((kind) => those.includes(kind));
  return [
    ...kinds.map((kind) => `kind ${kind}`),
    ...(has(DIVERGENCES) ? ["divergence"] : []),
    ...(has(GUIDED) ? ["guided"] : []),
    ...(has([...GUIDED, "attention-transfer"]) ? ["grids"] : []),
    ...(train.ema === null ? [] : ["ema"]),
    ...augmentationOf(augment),
  ];
}

function augmentationOf(augment: ResolvedRecipe["augment"]): string[] {
  const drawn = (["resizedCrop", "erase", "mixup", "cutmix"] as const).filter((name) => augment[name] > 0);
  const isMixed = augment.mixup > 0 || augment.cutmix > 0;
  return [
    ...drawn,
    ...(drawn.length > 0 ? ["uniforms"] : []),
    ...(augment.resizedCrop > 0 || augment.erase > 0 ? ["rectangles"] : []),
    ...(augment.resizedCrop > 0 ? [] : ["one size"]),
    isMixed ? "mixed" : "unmixed",
  ];
}

/** Whether a recipe chooses among the training images, beyond how many there are. */
export function isDivided({ data }: ResolvedRecipe): boolean {
  const { validation, labelled, skipCopies, skipLeaks, skipContradictions } = data;
  return validation !== null || labelled !== null || skipCopies || skipLeaks || skipContradictions;
}
