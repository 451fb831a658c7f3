import { InputError } from "../contract/failure";
import type { Precision } from "../contract/recipe";
import { render } from "../data/batches";
import type { Dataset } from "../data/dataset";
import { noGrad, scope } from "../tensor/tensor";
import { type Network, renderingFor } from "./network";

/** Training images that a teacher is asked about. */
const IMAGES = 32;

/** They must have been needed before `expectNumbers` is called. */
export const askedImages = ({ train }: Pick<Dataset, "train">): Int32Array => Int32Array.from({ length: Math.min(IMAGES, train.count) }, (_, i) => i);

/**
 * Throws an InputError that names the weights if the teacher's logits of the first training images are not all finite: a student would learn nothing
 * from them, and only the loss would show it.
 */
export function expectNumbers(teacher: Network, data: Pick<Dataset, "train">, weights: string, precision: Precision): void {
  const { classes } = teacher.model;
  const indices = askedImages(data);
  const logits = scope(() => noGrad(() => teacher.model.forward(render(data.train, { indices, views: null }, renderingFor(teacher, precision))).toFloat32()));
  const unusable = [...indices.keys()].filter((n) => !logits.subarray(n * classes, (n + 1) * classes).every(Number.isFinite));
  if (unusable.length === 0) return;
  throw new InputError(
    `the teacher's answers are not numbers: with the weights ${weights}, the logits of ${unusable.length} of the first ${indices.length} training images are NaN or infinite; ` +
      "choose weights of a network that was trained without such values",
  );
}
