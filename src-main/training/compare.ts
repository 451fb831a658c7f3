import { type ArmName, armsOf, type ComparedArm } from "../contract/arms";
import { UsageError } from "../contract/failure";
import type { Recipe } from "../contract/recipe";

export interface Arm<Name extends ArmName = ArmName> {
  name: Name;
  recipe: Recipe;
  /** Keys of settings that the arm has to itself, by the `control` of the recipe of all. */
  own?: readonly string[];
}

/** The key under which a user sets an arm's setting. */
export const writtenKey = ({ own = [] }: Pick<Arm, "own">, key: string): string => (own.includes(key) ? `control.${key}` : key);

/**
 * The arms of a comparison as recipes, the control first and the student last: the control learns only from the labels, with the overrides in `control`.
 * Throws a UsageError if the recipe does not distill.
 */
export function comparisonArms(recipe: Recipe): [Arm<ComparedArm>, Arm<ComparedArm>, ...Arm<ComparedArm>[]] {
  if (!recipe.distillation)
    throw new UsageError("distillation: a comparison needs it, got null; set distillation, or train only the control with the verb train");
  return armsOf(recipe).map((name) => ({ name, ...armOf[name](recipe) })) as ReturnType<typeof comparisonArms>;
}

const armOf: { readonly [Name in ComparedArm]: (recipe: Recipe) => Omit<Arm, "name"> } = {
  control: (recipe) => {
    const overrides = recipe.control?.train ?? {};
    const own = Object.keys(overrides).map((key) => `train.${key}`);
    return { recipe: { ...recipe, train: { ...recipe.train, ...overrides }, teacher: null, distillation: null, control: null }, own };
  },
  "same-images": (recipe) => ({ recipe: { ...recipe, distillation: { ...recipe.distillation!, images: "labelled" }, control: null } }),
  student: (recipe) => ({ recipe: { ...recipe, control: null } }),
};
