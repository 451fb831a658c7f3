import { UsageError } from "./failure";
import { nearest } from "./nearest";
import type { Recipe } from "./recipe";
import {
  controlKeys,
  expectation,
  patchSizeOf,
  type Setting,
  type SettingKey,
  type SettingValue,
  sections,
  settingAt,
  settingKeys,
  settings,
  valueFromText,
} from "./settings";
import { z } from "./zod";

/** What is wrong with a recipe, one line each: `train.epochs: expected an integer from 1 to 10000, got "five"`. */
export class RecipeError extends UsageError {
  constructor(readonly problems: string[]) {
    super(
      problems.length === 1 ? `recipe: ${problems[0]}` : `the recipe has ${problems.length} problems:\n${problems.map((problem) => `  ${problem}`).join("\n")}`,
    );
  }
}

/**
 * A full recipe from what a file or form gave: every key checked, defaults filled in, contradictions refused. Least is `data.path`
 * and `student.model`. Throws a RecipeError that names every problem.
 */
export function parseRecipe(json: unknown): Recipe {
  const problems = checkVersion(json) ?? checkShape(json);
  if (problems.length > 0) throw new RecipeError(problems);
  const recipe = complete(json as Json);
  const contradictions = contradictionsOf(recipe);
  if (contradictions.length > 0) throw new RecipeError(contradictions);
  return recipe;
}

/**
 * A recipe (complete or not yet) with values from "key=value" texts, as `--set` takes them: "train.epochs=3", "teacher=null". Returns
 * a copy for `parseRecipe`, which checks the values. Throws a RecipeError if a key does not exist.
 */
export function applySettings(json: unknown, assignments: readonly string[]): unknown {
  const problems: string[] = [];
  const recipe = isObject(json) ? copy(json) : {};
  for (const assignment of assignments) {
    const [key, text] = splitOnce(assignment);
    const setting = settingAt(key);
    if (text === undefined) problems.push(`expected key=value, as in train.epochs=3, got "${assignment}"`);
    else if (setting) assign(recipe, key.split("."), valueFromText(setting, text));
    else if (isNullableSection(key) && text === "null") recipe[key] = null;
    else problems.push(Object.hasOwn(sections, key) ? wholeSection(key) : unknownKey(key));
  }
  if (problems.length > 0) throw new RecipeError(problems);
  return isObject(json) || json === undefined ? recipe : json;
}

/** What is wrong with one value, or null; for form fields and flags. */
export function checkSetting(key: SettingKey, value: SettingValue): string | null {
  const setting = settingAt(key)!;
  return leafSchema(setting).safeParse(value).success ? null : `expected ${expectation(setting)}, got ${shown(value)}`;
}

/** The recipe with `resolve` applied to every path in it; words such as "bundled" and null are left. */
export function resolvePaths(recipe: Recipe, resolve: (path: string) => string): Recipe {
  const resolved = copy(recipe) as unknown as Json;
  for (const key of settingKeys) {
    const setting = settings[key] as Setting;
    const path = valueAt(recipe, key);
    if ((setting.kind === "folder" || setting.kind === "file") && typeof path === "string" && !setting.words?.includes(path))
      assign(resolved, key.split("."), resolve(path));
  }
  return resolved as unknown as Recipe;
}

/** The value at a key; undefined where its part of the recipe is null. */
export function valueAt(recipe: Recipe, key: SettingKey): SettingValue | undefined {
  return key.split(".").reduce<unknown>((part, name) => (isObject(part) ? part[name] : undefined), recipe) as SettingValue | undefined;
}

type Json = Record<string, unknown>;

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function copy<T>(json: T): T {
  return JSON.parse(JSON.stringify(json)) as T;
}

function splitOnce(assignment: string): [string, string | undefined] {
  const at = assignment.indexOf("=");
  return at < 0 ? [assignment, undefined] : [assignment.slice(0, at), assignment.slice(at + 1)];
}

function wholeSection(section: string): string {
  const example = settingKeys.find((key) => key.startsWith(`${section}.`)) ?? controlKeys[0];
  return `${section}: cannot be set as a whole${isNullableSection(section) ? ", except to null" : ""}; set a key in it, such as ${example}`;
}

function isNullableSection(key: string): boolean {
  return Object.hasOwn(sections, key) && sections[key as keyof typeof sections].nullable;
}

function assign(target: Json, [name, ...rest]: string[], value: unknown): void {
  if (rest.length === 0) {
    target[name!] = value;
    return;
  }
  if (!isObject(target[name!])) target[name!] = {};
  assign(target[name!] as Json, rest, value);
}

function checkVersion(json: unknown): string[] | null {
  if (!isObject(json)) return [`expected an object with data, student and other settings, got ${shown(json)}`];
  if (json.version === undefined || json.version === 1) return null;
  return [`version: this program reads recipes of version 1, got ${shown(json.version)}; a newer release may read it`];
}

// Checking: the schema is the table as a tree of strict objects, in which every key may be absent except the required ones.

function leafSchema(setting: Setting): z.ZodType {
  const schema = kindSchema(setting);
  return setting.nullable ? schema.nullable() : schema;
}

function kindSchema(setting: Setting): z.ZodType {
  switch (setting.kind) {
    case "integer":
      return z.int().min(setting.min).max(setting.max);
    case "number":
      return z.number().min(setting.min).max(setting.max);
    case "choice":
      return z.enum(setting.choices.map(({ value }) => value));
    case "flag":
      return z.boolean();
    case "text":
      return z.string();
    default:
      return z.string().min(1);
  }
}

type Tree = { [name: string]: Tree | Setting };

function buildTree(): Tree {
  const tree: Tree = {};
  for (const key of [...settingKeys, ...controlKeys]) {
    const names = key.split(".");
    const parent = names.slice(0, -1).reduce<Tree>((part, name) => {
      part[name] ??= {};
      return part[name] as Tree;
    }, tree);
    parent[names.at(-1)!] = settingAt(key)!;
  }
  return tree;
}

function isSetting(branch: Tree | Setting): branch is Setting {
  return typeof branch.kind === "string";
}

function schemaOf(branch: Tree, nullable: (name: string) => boolean = () => false): z.ZodType {
  const shape = Object.entries(branch).map(([name, part]) => {
    if (isSetting(part)) return [name, "required" in part ? leafSchema(part) : leafSchema(part).optional()];
    const section = schemaOf(part);
    return [name, nullable(name) ? section.nullable().optional() : hasRequired(part) ? section : section.optional()];
  });
  return z.strictObject(Object.fromEntries(shape));
}

function hasRequired(branch: Tree): boolean {
  return Object.values(branch).some((part) => isSetting(part) && "required" in part);
}

const tree = buildTree();
const schema = (schemaOf(tree, isNullableSection) as z.ZodObject).extend({ version: z.literal(1).optional() });

function checkShape(json: unknown): string[] {
  const result = schema.safeParse(json);
  if (result.success) return [];
  return result.error.issues.flatMap((issue) => {
    const path = issue.path.join(".");
    if (issue.code === "unrecognized_keys") return issue.keys.map((key) => unknownKey(path ? `${path}.${key}` : key));
    const value = issue.path.reduce<unknown>((part, name) => (part as Json)[name as string], json);
    return problemsAt(path, value);
  });
}

/** A whole section that is missing is told by the required keys in it. */
function problemsAt(path: string, value: unknown): string[] {
  const setting = settingAt(path);
  if (setting)
    return [value === undefined ? `${path}: is missing; expected ${expectation(setting)}` : `${path}: expected ${expectation(setting)}, got ${shown(value)}`];
  if (value !== undefined) return [`${path}: expected an object${isNullableSection(path) ? " or null" : ""}, got ${shown(value)}`];
  return settingKeys.filter((key) => key.startsWith(`${path}.`) && "required" in settings[key]).flatMap((key) => problemsAt(key, undefined));
}

function unknownKey(key: string): string {
  const known = ["version", ...Object.keys(sections), ...settingKeys, ...controlKeys];
  const sameName = known.find((candidate) => candidate.split(".").at(-1) === key.split(".").at(-1));
  const meant = nearest(key, known) ?? sameName;
  return meant ? `${key}: unknown key; did you mean ${meant}?` : `${key}: unknown key; expected one of ${keysBeside(key).join(", ")}`;
}

function keysBeside(key: string): string[] {
  const section = key.split(".")[0]!;
  const beside = settingKeys.filter((candidate) => candidate.startsWith(`${section}.`));
  return beside.length > 0 ? beside : ["version", "name", ...Object.keys(sections), "device"];
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (isObject(value)) return "an object";
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

// Completing: a checked recipe gets the defaults of what it leaves out.

function complete(json: Json): Recipe {
  const recipe: Json = { version: 1 };
  for (const [name, branch] of Object.entries(tree))
    recipe[name] = isSetting(branch) ? (json[name] ?? defaultOf(branch, "")) : completeSection(name, branch, json[name]);
  return recipe as unknown as Recipe;
}

function completeSection(name: string, branch: Tree, given: unknown): Json | null {
  if (isNullableSection(name) && !isObject(given)) return null;
  const values = (given ?? {}) as Json;
  if (name === "control") return { train: {}, ...values };
  const model = (values.model ?? (branch.model && defaultOf(branch.model as Setting, ""))) as string;
  return Object.fromEntries(Object.entries(branch).map(([key, setting]) => [key, values[key] ?? defaultOf(setting as Setting, model)]));
}

function defaultOf(setting: Setting, model: string): SettingValue {
  if ("default" in setting) return setting.default;
  if ("defaultOf" in setting) return setting.defaultOf(model);
  throw new Error(`a required setting (${setting.label}) has no default`);
}

// Contradictions: what no single key shows.

function contradictionsOf({ teacher, student, train, distillation, control }: Recipe): string[] {
  const problems: string[] = [];
  if (distillation && !teacher) problems.push("distillation: needs a teacher, got teacher null; name a teacher, or set distillation to null for a control");
  problems.push(...patchProblems(student));
  problems.push(...trainProblems("train", train));
  if (control)
    problems.push(...trainProblems("control.train", { ...train, ...control.train }).filter((problem) => !problems.includes(problem.replace(/^control\./, ""))));
  return problems;
}

function patchProblems({ model, imageSize, patchSize }: Recipe["student"]): string[] {
  const own = patchSizeOf(model);
  if (own === null) return patchSize === null ? [] : [`student.patchSize: ${model} has no patches; expected null, got ${patchSize}`];
  const side = patchSize ?? own;
  return imageSize % side === 0 ? [] : [`student.imageSize: expected a multiple of the patch size ${side}, got ${imageSize}`];
}

function trainProblems(section: string, { epochs, optimizer, momentum, nesterov, schedule, warmupEpochs }: Recipe["train"]): string[] {
  const problems: string[] = [];
  if (warmupEpochs >= epochs && warmupEpochs > 0)
    problems.push(`${section}.warmupEpochs: expected less than the ${epochs} epochs of training, got ${warmupEpochs}`);
  if (schedule !== "cosine-step" && !Number.isInteger(warmupEpochs)) {
    problems.push(`${section}.warmupEpochs: expected a whole number with schedule ${schedule}, got ${warmupEpochs}; cosine-step takes fractions`);
  }
  if (optimizer === "sgd" && nesterov && momentum === 0) problems.push(`${section}.nesterov: needs a momentum above 0, got train.momentum 0`);
  return problems;
}
