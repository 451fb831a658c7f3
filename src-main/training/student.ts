import { InputError } from "../contract/failure";
import { usualNormalization } from "../contract/families";
import type { StudentChoice } from "../contract/recipe";
import type { Model } from "../models/model";
import { codeOf } from "../models/registry";
import { describeWeights, type WeightsDescription } from "../models/weights";
import { type ClassMatch, matchClasses, withRows } from "./classes";
import { build, type ChosenNetwork, type GivenNormalization, normalizationOf, readInto } from "./network";

type Choice = Omit<StudentChoice, "mean" | "std" | "freshHead"> & GivenNormalization & { freshHead?: boolean };

/**
 * A network to train: fresh from the seed, or from a file. The file's last layer has the data's classes, or these are found in it by name; or else it is
 * left out on request (`freshHead`).
 */
export function createStudent(choice: Choice, classes: readonly string[], seed: number): ChosenNetwork {
  if (!choice.weights) {
    const { mean, std } = usualNormalization(choice.model);
    const model = build(choice.model, { ...sizesOf(choice), classes: classes.length, seed });
    return { model, normalization: { mean: choice.mean ?? mean, std: choice.std ?? std }, assumption: null, notes: [], origin: null };
  }
  const about = describeWeights(choice.weights, choice.model, choice.imageSize);
  const { model, note } = choice.freshHead ? withFreshHead(choice, classes, seed) : withHead(choice, classes, about);
  return { model, ...normalizationOf(choice, about, choice.weights), notes: [...about.notes, ...(note ? [note] : [])], origin: about.origin };
}

const sizesOf = ({ imageSize, patchSize }: Choice) => ({ imageSize, patchSize });

interface Begun extends Pick<ClassMatch, "note"> {
  model: Model;
}

function withFreshHead(choice: Choice, classes: readonly string[], seed: number): Begun {
  const model = build(choice.model, { ...sizesOf(choice), classes: classes.length, seed });
  const { heads } = codeOf(choice.model);
  readInto(model, choice.weights!, new Set(heads.flatMap((head) => [`${head}.weight`, `${head}.bias`])));
  return { model, note: `the student starts from the weights ${choice.weights}, but its last layer (${heads.join(", ")}) fresh from the seed` };
}

function withHead(choice: Choice, classes: readonly string[], { classCount, classes: names }: WeightsDescription): Begun {
  const remedy = "; or set student.freshHead to start the last layer fresh";
  if (classCount === null)
    throw new InputError(`weights ${choice.weights} do not fit ${choice.model}: have no last layer (${codeOf(choice.model).namings[0].head})${remedy}`);
  const owner = `the student (${choice.weights})`;
  const { rows, note } = matchClasses(owner, { count: classCount, names }, classes, remedy);
  const model = build(choice.model, { ...sizesOf(choice), classes: classCount, seed: null });
  readInto(model, choice.weights!);
  return { model: rows ? withRows({ model }, rows).model.train().requiresGrad(true) : model, note };
}
