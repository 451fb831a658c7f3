import { z } from "zod";
import type { Method, Methods } from "../contract/engine";
import { UsageError } from "../contract/failure";
import type { Recipe } from "../contract/recipe";

const format = z.enum(["auto", "cifar10-binary", "image-folder"]);
const text = z.string().min(1);
const side = z.int().min(1).max(4096).optional();
const triple = z.tuple([z.number(), z.number(), z.number()]).nullish();
const nothing = z.strictObject({});
/** Its content is the recipe schema's business. */
const run = z.strictObject({
  recipe: z.custom<Recipe>((value) => typeof value === "object" && value !== null, "expected a recipe"),
  out: text,
  resume: z.boolean(),
});
const image = z.strictObject({ path: text, bytes: z.instanceof(Uint8Array).optional() });

/** What each method takes. The compiler holds it to the contract. */
const schemas: { [M in Method]: z.ZodType<Methods[M]["params"]> } = {
  hello: z.strictObject({ protocol: z.number() }),
  doctor: nothing,
  models: nothing,
  dataInfo: z.strictObject({ path: text, format, thumbnailsPerClass: z.int().min(0).max(100) }),
  dataDownload: z.strictObject({
    directory: text,
    url: z.url({ protocol: /^https?$/, error: "expected an address that begins with http:// or https://" }).optional(),
  }),
  train: run,
  compare: run,
  control: z.strictObject({ action: z.enum(["pause", "continue", "stop"]) }),
  predict: z.strictObject({
    model: text,
    weights: text,
    images: z.array(image),
    imageSize: side,
    patchSize: side,
    temperature: z.number().positive().optional(),
    mean: triple,
    std: triple,
    withInput: z.boolean().optional(),
  }),
  evaluate: z.strictObject({ model: text, weights: text, data: text, format, imageSize: side, patchSize: side, mean: triple, std: triple }),
  exportWeights: z.strictObject({ weights: text, precision: z.enum(["fp32", "bf16"]), out: text }),
  bench: z.strictObject({
    only: text.nullable(),
    rounds: z.int().min(1).max(1000),
    threads: z.int().min(1).max(1024).nullable(),
    python: text.nullable(),
  }),
  listRuns: z.strictObject({ directory: text }),
  readRun: z.strictObject({ directory: text }),
  report: z.strictObject({ runs: z.array(text).min(1), format: z.enum(["html", "csv", "json"]), out: text }),
};

export function isMethod(name: unknown): name is Method {
  return typeof name === "string" && Object.hasOwn(schemas, name);
}

/** Throws a UsageError that names the method and the parameter. */
export function checkedParams<M extends Method>(method: M, params: unknown): Methods[M]["params"] {
  const result = schemas[method].safeParse(params);
  if (result.success) return result.data as Methods[M]["params"];
  const problems = result.error.issues.map(({ path, message }) => [...path, message].join(": "));
  throw new UsageError(`${method}: ${problems.join("; ")}`);
}
