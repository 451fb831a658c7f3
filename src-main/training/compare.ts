import { UsageError } from "../contract/failure";
import type { Recipe } from "../contract/recipe";
import type { ArmName } from "../contract/run";

export interface Arm {
  name: ArmName;
  recipe: Recipe;
  /** Keys of settings that the arm has to itself, by the `control` of the recipe of both. */
  own?: readonly string[];
}

/** The key under which a user sets an arm's setting. */
export const writtenKey = ({ own = [] }: Pick<Arm, "own">, key: string): string => (own.includes(key) ? `control.${key}` : key);

/**
 * The two arms of a comparison as recipes: the control learns only from the labels, with the overrides in `control`. Throws a UsageError if
 * the recipe does not distill.
 */
export function comparisonArms(recipe: Recipe): [control: Arm, student: Arm] {
  if (!recipe.distillation)
    throw new UsageError("distillation: a comparison needs it, got null; set distillation, or train only the control with the verb train");
  const overrides = recipe.control?.train ?? {};
  const own = Object.keys(overrides).map((key) => `train.${key}`);
  return [
    { name: "control", recipe: { ...recipe, train: { ...recipe.train, ...overrides }, teacher: null, distillation: null, control: null }, own },
    { name: "student", recipe: { ...recipe, control: null } },
  ];
}
