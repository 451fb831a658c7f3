/** Teachers whose image size a recipe leaves out: it is that of their weights, where these say it. */
import { applySettings } from "./apply-settings";
import { imageSizeOf } from "./families";
import { isHubPath } from "./hub-path";
import { parseRecipe } from "./parse-recipe";
import type { Recipe, TeacherChoice } from "./recipe";
import { isObject, type Json, teachersOf } from "./recipe-values";

export interface UnsizedTeacher extends Pick<TeacherChoice, "model" | "weights"> {
  /** Of its image size. */
  key: string;
}

/** Those of a recipe with files of weights, as it was written. `recipe`: the same, complete. */
export function unsizedTeachers(written: unknown, recipe: Recipe): UnsizedTeacher[] {
  const first = isObject(written) ? ((written.teacher ?? {}) as Json) : {};
  const given = [first, ...((first.others ?? []) as Json[])];
  return teachersOf(recipe).flatMap(({ model, weights }, i) => {
    const isFile = weights !== "bundled" && !isHubPath(weights);
    const key = i === 0 ? "teacher.imageSize" : `teacher.others.${i - 1}.imageSize`;
    return isFile && given[i]!.imageSize === undefined ? [{ key, model, weights }] : [];
  });
}

/** The recipe with the sizes that `sizeOf` finds in the weights, and what is said of those that are not their models' own. Where it fails, the run will say why. */
export async function withSizesOfWeights(
  recipe: Recipe,
  unsized: readonly UnsizedTeacher[],
  sizeOf: (teacher: UnsizedTeacher) => Promise<number>,
): Promise<{ recipe: Recipe; notes: string[] }> {
  const assignments: string[] = [];
  const notes: string[] = [];
  for (const teacher of unsized) {
    const { key, model, weights } = teacher;
    const [size, usual] = [await sizeOf(teacher).catch(() => null), imageSizeOf(model)];
    if (size === null || size === usual) continue;
    assignments.push(`${key}=${size}`);
    notes.push(`the teacher is shown images of ${size} px (${key}), as the weights ${weights} say; the usual size of a ${model} is ${usual} px`);
  }
  return { recipe: parseRecipe(applySettings(recipe, assignments)), notes };
}
