import { imageSizeOf, patchSizeOf } from "../../src-main/contract/families";
import type { Recipe } from "../../src-main/contract/recipe";
import { teachersOf } from "../../src-main/contract/recipe-values";

/** What is known to make a recipe slow or to spoil what it shows, in words. */
export function cautionsFor({ student, teacher, train }: Recipe, trainImages: number): string[] {
  const cautions: string[] = [];
  const patch = student.patchSize ?? patchSizeOf(student.model);
  if (student.imageSize >= 128)
    cautions.push(
      `An image of ${student.imageSize} px costs many times as much as one of 32 px: on a processor this run can take hours. The Demo preset shows the same in minutes.`,
    );
  else if (patch !== null && (student.imageSize / patch) ** 2 > 256) cautions.push("Patches this small make long sequences, so each step is slow.");
  // The size that other weights were trained at is known when the run has read them, and is told then.
  for (const { model, imageSize, weights } of teachersOf({ teacher }))
    if (weights === "bundled" && imageSize !== imageSizeOf(model))
      cautions.push(`${model} was made for ${imageSizeOf(model)} px; at ${imageSize} px its answers are hardly worth learning from.`);
  if (trainImages > 0 && trainImages < train.batchSize * 4) cautions.push("An epoch has fewer than four batches, so the curves will show little.");
  return cautions;
}
