import { UsageError } from "../contract/failure";
import { type Family, type FamilyName, type families, modelNamed, sizesProblem } from "../contract/families";
import { allOrNone } from "../tensor/tensor";
import { convnext } from "./convnext";
import { deitDistilled } from "./deit";
import { dinov2 } from "./dinov2";
import { efficientnet } from "./efficientnet";
import type { FamilyCode } from "./family";
import { mobilenet } from "./mobilenet";
import type { Model } from "./model";
import { resnet } from "./resnet";
import { vit } from "./vit";

type ArchitectureOf<F> = F extends Family<infer Architecture> ? Architecture : never;

/** The code of every family. */
const code: { readonly [Name in FamilyName]: FamilyCode<ArchitectureOf<(typeof families)[Name]>> } = {
  resnet,
  vit,
  deit: vit,
  deitDistilled,
  dinov2,
  efficientnet,
  mobilenet,
  convnext,
};

export interface ModelOptions {
  /** Number of classes, at least 2. */
  classes: number;
  /** Side of the input in pixels; default: the model's own. */
  imageSize?: number;
  /** Side of a patch in pixels, for models with patches; default: the model's own. */
  patchSize?: number | null;
  /** Seed of the initial weights; null leaves them undefined, for whoever overwrites all. */
  seed?: number | null;
}

/**
 * A model of the registry in training mode, with initial weights drawn from the seed. Throws a UsageError if there is no model of that
 * name or if the sizes do not fit it.
 */
export function createModel(name: string, options: ModelOptions): Model {
  const { architecture, ...own } = modelNamed(name);
  const { classes, imageSize = own.imageSize, seed = 0 } = options;
  const patchSize = options.patchSize ?? own.patchSize;
  expectWhole(name, "classes", classes, 2);
  expectWhole(name, "imageSize", imageSize, 1);
  if (own.patchSize === null && patchSize !== null) throw new UsageError(`${name}: patchSize ${patchSize} was given, but this model has no patches; omit it`);
  if (patchSize !== null) expectWhole(name, "patchSize", patchSize, 1);
  const found = sizesProblem(name, { imageSize, patchSize });
  if (found) throw new UsageError(`${name}: ${found.size}: ${found.problem}`);
  return allOrNone(() => {
    const model = codeOf(name).create(name, architecture, { classes, imageSize, patchSize });
    if (seed !== null) model.initialize(seed);
    return model;
  });
}

/** The code of a model's family. Throws a UsageError if there is no model of that name. */
export function codeOf(model: string): FamilyCode {
  return code[modelNamed(model).family];
}

/** Names of the weights of a model's last stage and of its heads. */
export function lastWeightsOf(model: Model): string[] {
  const { last, heads } = codeOf(model.name);
  const beginnings = [...last(modelNamed(model.name).architecture), ...heads.map((head) => `${head}.`)];
  return [...model.weights().keys()].filter((name) => beginnings.some((beginning) => name.startsWith(beginning)));
}

function expectWhole(model: string, option: string, value: number, least: number): void {
  if (!Number.isInteger(value) || value < least) throw new UsageError(`${model}: expected ${option} to be a whole number of at least ${least}, got ${value}`);
}
