import { UsageError } from "../contract/failure";
import type { Recipe, TrainSettings } from "../contract/recipe";
import type { ArmName } from "../contract/run";

export interface Arm {
  name: ArmName;
  recipe: Recipe;
}

/** Settings that determine initial weights and batches: equal in both arms, or the comparison would show more than the teacher's effect. */
const SHARED: readonly (keyof TrainSettings)[] = ["seed", "epochs", "batchSize", "shuffle"];

/**
 * The two arms of a comparison as recipes: the control learns only from the labels, with the overrides in `control`. Throws a UsageError if
 * the recipe does not distill, or if `control` overrides a setting that both arms must share.
 */
export function comparisonArms(recipe: Recipe): [control: Arm, student: Arm] {
  if (!recipe.distillation)
    throw new UsageError("distillation: a comparison needs it, got null; set distillation, or train only the control with the verb train");
  const overrides = recipe.control?.train ?? {};
  const differing = SHARED.find((key) => overrides[key] !== undefined && overrides[key] !== recipe.train[key]);
  if (differing)
    throw new UsageError(
      `control.train.${differing}: both arms share ${SHARED.join(", ")}; expected ${recipe.train[differing]}, got ${overrides[differing]}; omit it`,
    );
  return [
    { name: "control", recipe: { ...recipe, train: { ...recipe.train, ...overrides }, teacher: null, distillation: null, control: null } },
    { name: "student", recipe: { ...recipe, control: null } },
  ];
}
