/** Which models of the registry weights fit, by the names and shapes of their tensors alone. */
import { type ModelSizes, modelNamed, modelNames, sizesProblem } from "../contract/families";
import type { TensorShapes } from "./family";
import { isIgnored } from "./names";
import { withWeights } from "./open-weights";
import { codeOf, createModel } from "./registry";

/** Their names; several where they differ in more than shapes, such as the number of attention heads. Throws an InputError if the file cannot be used. */
export function modelsFitting(path: string): string[] {
  const found = new Map<unknown, TensorShapes>();
  return modelNames.filter((name) => {
    const { namings } = codeOf(name);
    if (!found.has(namings))
      found.set(
        namings,
        withWeights(path, ({ header }) => header.tensors, namings),
      );
    return fits(name, found.get(namings)!);
  });
}

function fits(name: string, tensors: TensorShapes): boolean {
  const { namings, sizesIn } = codeOf(name);
  const classes = tensors.get(namings[0].head)?.shape[0] ?? 0;
  const sizes: ModelSizes = { ...sizesOf(name), ...sizesIn(tensors) };
  if (classes < 2 || !Object.values(sizes).every((size) => size === null || Number.isInteger(size)) || sizesProblem(name, sizes)) return false;
  const model = createModel(name, { classes, ...sizes, seed: null });
  const weights = model.weights();
  const isWhole = [...weights].every(([each, { shape }]) => String(tensors.get(each)?.shape) === String(shape));
  model.release();
  return isWhole && [...tensors.keys()].every((each) => weights.has(each) || isIgnored(each));
}

function sizesOf(name: string): ModelSizes {
  const { imageSize, patchSize } = modelNamed(name);
  return { imageSize, patchSize };
}
