import { UsageError } from "../contract/failure";
import type { Recipe, TrainSettings } from "../contract/recipe";
import type { ArmName } from "../contract/run";

export interface Arm {
  name: ArmName;
  recipe: Recipe;
}

/** What decides initial weights and batches: the same in both arms, or the comparison would show more than what the teacher added. */
const SHARED: readonly (keyof TrainSettings)[] = ["seed", "epochs", "batchSize", "shuffle"];

/**
 * The two arms of a comparison, each as a recipe of its own: the control learns from the labels alone, with what `control` overrides.
 * Throws a UsageError if the recipe does not distil, or if `control` overrides what both must share.
 */
export function comparisonArms(recipe: Recipe): [control: Arm, student: Arm] {
  if (!recipe.distillation)
    throw new UsageError("distillation: a comparison needs it, got null; set distillation, or train the control alone with the verb train");
  const overrides = recipe.control?.train ?? {};
  const differing = SHARED.find((key) => overrides[key] !== undefined && overrides[key] !== recipe.train[key]);
  if (differing)
    throw new UsageError(
      `control.train.${differing}: both arms share ${SHARED.join(", ")}; expected ${recipe.train[differing]}, got ${overrides[differing]}; leave it out`,
    );
  return [
    { name: "control", recipe: { ...recipe, train: { ...recipe.train, ...overrides }, teacher: null, distillation: null, control: null } },
    { name: "student", recipe: { ...recipe, control: null } },
  ];
}
