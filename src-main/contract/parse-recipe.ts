import { UsageError } from "./failure";
import { modelNames, patchSizeOf } from "./families";
import { DEEPEST, isUnwieldy } from "./json";
import { nearest } from "./nearest";
import { isObjectiveKind, objectiveKinds, objectives, shortForm, type Term, termSettings } from "./objectives";
import type { Distillation, Recipe } from "./recipe";
import { expectation, type Setting, type SettingValue, sameValue, valueFromText } from "./setting";
import { controlKeys, sections, settingAt, settingKeys, settings } from "./settings";
import { z } from "./zod";

/** What is wrong with a recipe, one line each: `train.epochs: expected an integer from 1 to 10000, got "five"`. */
export class RecipeError extends UsageError {
  constructor(readonly problems: string[]) {
    super(problems.length === 1 ? `recipe: ${problems[0]}` : [`the recipe has ${problems.length} problems:`, ...problems.map((problem) => `  ${problem}`)]);
  }
}

/**
 * Turns what a file or form gave into a full recipe: checks every key, fills in defaults, refuses contradictions. Only `data.path` and
 * `student.model` are required. Throws a RecipeError that names every problem.
 */
export function parseRecipe(json: unknown): Recipe {
  expectWieldy(json);
  const problems = checkVersion(json) ?? checkShape(json);
  if (problems.length > 0) throw new RecipeError(problems);
  const recipe = complete(json as Json);
  const contradictions = contradictionsOf(recipe);
  if (contradictions.length > 0) throw new RecipeError(contradictions);
  return recipe;
}

/**
 * A recipe (complete or not yet) with values from "key=value" texts, as `--set` takes them: "train.epochs=3", "teacher=null",
 * "distillation.terms.0.weight=40". Returns a copy for `parseRecipe`, which checks the values. Throws a RecipeError if a key does not exist.
 */
export function applySettings(json: unknown, assignments: readonly string[]): unknown {
  expectWieldy(json);
  const problems: string[] = [];
  const recipe = isObject(json) ? copy(json) : {};
  for (const assignment of assignments) {
    const [key, text] = splitOnce(assignment);
    const problem = text === undefined ? `expected key=value, as in train.epochs=3, got "${assignment}"` : applySetting(recipe, key, text);
    if (problem) problems.push(problem);
  }
  if (problems.length > 0) throw new RecipeError(problems);
  return isObject(json) || json === undefined ? recipe : json;
}

/** Before anything walks through it. */
function expectWieldy(json: unknown): void {
  if (isUnwieldy(json))
    throw new RecipeError([`expected sections of settings, got lists or objects nested deeper than ${DEEPEST} levels, or far too many of them`]);
}

/** Changes the recipe in place. Returns what is wrong with the key, or null. */
function applySetting(recipe: Json, key: string, text: string): string | null {
  const setting = settingAt(key, recipe);
  const short = /^distillation\.(temperature|alpha)$/.exec(key)?.[1];
  if (short && isObject(recipe.distillation) && "terms" in recipe.distillation)
    return applyToSoftTerm(recipe.distillation, short, valueFromText(setting!, text));
  if (setting) assign(recipe, key.split("."), valueFromText(setting, text));
  else if (isNullableSection(key) && text === "null") recipe[key] = null;
  else return Object.hasOwn(sections, key) ? wholeSection(key) : unknownKey(key, recipe);
  return null;
}

/** Temperature and alpha belong to the short form of a distillation. Where there are terms, they mean the only term of soft labels, if there is one. */
function applyToSoftTerm(distillation: Json, name: string, value: SettingValue): string | null {
  const terms = Array.isArray(distillation.terms) ? distillation.terms.filter(isObject) : [];
  const soft = terms.filter(({ kind }) => kind === "soft");
  const alone = soft.length === 1 && terms.length === 1;
  if (name === "temperature" && soft.length === 1) soft[0]!.temperature = value;
  else if (name === "alpha" && alone && typeof value === "number")
    Object.assign(distillation, { labels: 1 - value }) && Object.assign(soft[0]!, { weight: value });
  else
    return `distillation.${name}: says which term only where soft labels are the ${name === "alpha" ? "one" : "only such"} term; name the term, as in distillation.terms.0.${name === "alpha" ? "weight" : name}`;
  return null;
}

/** What is wrong with one value, or null; for form fields and flags. The recipe determines the kinds of a distillation's terms. */
export function checkSetting(key: string, value: SettingValue, recipe?: unknown): string | null {
  const setting = settingAt(key, recipe)!;
  return leafSchema(setting).safeParse(value).success ? null : `expected ${expectation(setting)}, got ${shown(value)}`;
}

/** The recipe with `resolve` applied to every path in it; null and words such as "bundled" stay as they are. */
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
export function valueAt(recipe: Recipe, key: string): SettingValue | undefined {
  return key.split(".").reduce<unknown>((part, name) => (isObject(part) || Array.isArray(part) ? (part as Json)[name] : undefined), recipe) as
    | SettingValue
    | undefined;
}

export interface RecipeSetting {
  key: string;
  setting: Setting;
  value: SettingValue;
}

/** All settings of a recipe with their values, including those of its terms, in the order of the tables. Sections that are null are left out. */
export function recipeSettings(recipe: Recipe): RecipeSetting[] {
  const keys = settingKeys.flatMap((key) => (key === "distillation.labels" ? [key, ...termKeys(recipe.distillation)] : [key]));
  return keys.flatMap((key) => {
    const value = valueAt(recipe, key);
    return value === undefined ? [] : [{ key, setting: settingAt(key, recipe)!, value }];
  });
}

/** Keys of all settings of a distillation's terms: "distillation.terms.0.kind" ... */
export function termKeys(distillation: Distillation | null): string[] {
  return (distillation?.terms ?? []).flatMap(({ kind }, index) => termKeysAt(kind, index));
}

/** Keys in which two recipes differ, in the order of the tables. */
export function differingSettings(a: Recipe, b: Recipe): string[] {
  const keys = [...recipeSettings(a), ...recipeSettings(b)].map(({ key }) => key);
  return [...new Set(keys)].filter((key) => !sameValue(valueAt(a, key), valueAt(b, key)));
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
  if (!isObject(target[name!]) && !Array.isArray(target[name!])) target[name!] = {};
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
    case "triple":
      return z.array(z.number().min(setting.min).max(setting.max)).length(3);
    case "text":
      return z.string();
    case "model":
      return z.enum(modelNames);
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
const schema = (schemaOf(tree, isNullableSection) as z.ZodObject).extend({ version: z.literal(1).optional(), distillation: z.unknown() });
const rowsSchema = (rows: { readonly [name: string]: Setting }) =>
  z.strictObject(Object.fromEntries(Object.entries(rows).map(([name, row]) => [name, leafSchema(row).optional()])));
const distillationRows = tree.distillation as { readonly [name: string]: Setting };
/** The short form has no `labels`: alpha decides their weight. */
const { labels: _, ...besidesLabels } = distillationRows;
const shortSchema = rowsSchema({ ...shortForm, ...besidesLabels });
const sumSchema = rowsSchema(distillationRows).extend({ terms: z.array(z.looseObject({ kind: z.enum(objectiveKinds) })).min(1) });
const termSchemas = Object.fromEntries(objectiveKinds.map((kind) => [kind, rowsSchema(termSettings(kind)).extend({ kind: z.literal(kind) })]));

function checkShape(json: unknown): string[] {
  const { distillation } = json as Json;
  return [...issuesOf(schema, json, [], json), ...(distillation === undefined || distillation === null ? [] : checkDistillation(distillation, json))];
}

function isSum(distillation: Json): boolean {
  return "terms" in distillation || "labels" in distillation;
}

function checkDistillation(distillation: unknown, json: unknown): string[] {
  if (!isObject(distillation)) return problemsAt("distillation", distillation, json);
  if (!isSum(distillation)) {
    if (isObjectiveKind(distillation.kind) && distillation.kind !== "soft")
      return [`distillation.kind: the short form takes soft labels alone; write "terms": [{"kind": "${distillation.kind}", ...}] for others`];
    return issuesOf(shortSchema, distillation, ["distillation"], json);
  }
  if (distillation.terms === undefined) return [`distillation.terms: is missing; expected ${TERMS_EXPECTED}`];
  const problems = issuesOf(sumSchema, distillation, ["distillation"], json);
  if (problems.length > 0) return problems;
  return (distillation.terms as Json[]).flatMap((term, index) => issuesOf(termSchemas[term.kind as string]!, term, ["distillation", "terms", index], json));
}

const TERMS_EXPECTED = 'a list of one or more objectives, such as {"kind": "soft", "weight": 0.5, "temperature": 2}';

/** The problems that a schema finds in the part of a recipe at a path. */
function issuesOf(schema: z.ZodType, part: unknown, at: readonly (string | number)[], json: unknown): string[] {
  const result = schema.safeParse(part);
  if (result.success) return [];
  return result.error.issues.flatMap((issue) => {
    const path = [...at, ...issue.path].join(".");
    if (issue.code === "unrecognized_keys") return issue.keys.map((key) => unknownKey(path ? `${path}.${key}` : key, json));
    const value = issue.path.reduce<unknown>((part, name) => (part as Json)[name as string], part);
    return problemsAt(path, value, json);
  });
}

/** A section that is missing altogether is reported by its required keys. */
function problemsAt(path: string, value: unknown, json: unknown): string[] {
  if (path === "distillation.terms") return [`distillation.terms: expected ${TERMS_EXPECTED}, got ${Array.isArray(value) ? "an empty list" : shown(value)}`];
  const setting = settingAt(path, json);
  if (setting)
    return [
      value === undefined
        ? `${path}: is missing; expected ${expectation(setting)}`
        : `${path}: expected ${expectation(setting)}, got ${shown(value)}${meantModel(setting, value)}`,
    ];
  if (value !== undefined) return [`${path}: expected an object${isNullableSection(path) ? " or null" : ""}, got ${shown(value)}`];
  return settingKeys.filter((key) => key.startsWith(`${path}.`) && "required" in settings[key]).flatMap((key) => problemsAt(key, undefined, json));
}

/** "; did you mean resnet18?" for a misspelled name of a model. */
function meantModel({ kind }: Setting, value: unknown): string {
  const meant = kind === "model" && typeof value === "string" ? nearest(value, modelNames) : null;
  return meant ? `; did you mean ${meant}?` : "";
}

function unknownKey(key: string, recipe?: unknown): string {
  const known = ["version", ...Object.keys(sections), ...settingKeys, ...controlKeys, ...distillationKeys(recipe)];
  const beside = keysBeside(key, known);
  const lastName = (key: string) => key.split(".").at(-1)!;
  // Keys of one section share their beginning, which would make any two of them look alike.
  const near = beside.length > 0 ? beside.find((candidate) => lastName(candidate) === nearest(lastName(key), beside.map(lastName))) : nearest(key, known);
  const meant = near ?? known.find((candidate) => lastName(candidate) === lastName(key));
  if (meant) return `${key}: unknown key; did you mean ${meant}?`;
  return `${key}: unknown key; expected one of ${(beside.length > 0 ? beside : ["version", "name", ...Object.keys(sections), "device"]).join(", ")}`;
}

/** The known keys of the same section; none for a key at the top. */
function keysBeside(key: string, known: readonly string[]): string[] {
  const beginning = key.replace(/[^.]*$/, "");
  return beginning === "" ? [] : known.filter((candidate) => candidate.startsWith(beginning) && !candidate.slice(beginning.length).includes("."));
}

/** Keys of the recipe's distillation, or those of the short form if it has none. */
function distillationKeys(recipe: unknown): string[] {
  const distillation = isObject(recipe) ? recipe.distillation : undefined;
  if (!isObject(distillation) || !isSum(distillation)) return Object.keys(shortForm).map((name) => `distillation.${name}`);
  const terms = Array.isArray(distillation.terms) ? distillation.terms : [];
  return ["distillation.terms", ...terms.flatMap((term, index) => (isObject(term) && isObjectiveKind(term.kind) ? termKeysAt(term.kind, index) : []))];
}

function termKeysAt(kind: Term["kind"], index: number): string[] {
  return ["kind", ...Object.keys(termSettings(kind))].map((name) => `distillation.terms.${index}.${name}`);
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (isObject(value)) return "an object";
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

// Completing: a checked recipe gets defaults for what it leaves out.

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
  if (name === "distillation") return completeDistillation(values);
  const model = (values.model ?? (branch.model && defaultOf(branch.model as Setting, ""))) as string;
  return Object.fromEntries(Object.entries(branch).map(([key, setting]) => [key, values[key] ?? defaultOf(setting as Setting, model)]));
}

/** Expands the short form into the sum that it stands for. */
function completeDistillation(given: Json): Json {
  const { kind: _kind, temperature, alpha: givenAlpha, terms, ...values } = given;
  const rest = Object.fromEntries(Object.entries(distillationRows).map(([name, row]) => [name, values[name] ?? defaultOf(row, "")]));
  if (isSum(given)) return { ...rest, terms: (terms as Json[]).map(completeTerm) };
  const alpha = (givenAlpha ?? defaultOf(shortForm.alpha!, "")) as number;
  return { ...rest, labels: 1 - alpha, terms: [completeTerm({ kind: "soft", weight: alpha, ...(temperature !== undefined && { temperature }) })] };
}

function completeTerm(given: Json): Json {
  const rows = termSettings(given.kind as Term["kind"]);
  return {
    kind: given.kind,
    ...Object.fromEntries(Object.entries(rows).map(([name, row]) => [name, given[name] === undefined ? defaultOf(row, "") : given[name]])),
  };
}

function defaultOf(setting: Setting, model: string): SettingValue {
  if ("default" in setting) return setting.default;
  if ("defaultOf" in setting) return setting.defaultOf(model);
  throw new Error(`a required setting (${setting.label}) has no default`);
}

// Contradictions: problems that no single key shows.

function contradictionsOf({ teacher, student, train, distillation, control }: Recipe): string[] {
  const problems: string[] = [];
  if (distillation && !teacher) problems.push("distillation: needs a teacher, got teacher null; name a teacher, or set distillation to null for a control");
  if (distillation && distillation.labels === 0 && !distillation.terms.some(({ kind, weight }) => weight > 0 && objectives[kind].trainsAnswers))
    problems.push(
      "distillation: expected the labels, or a term that trains the student's answers, with a weight above 0; got none, so the student would learn no classes",
    );
  for (const [network, choice] of [["teacher", teacher] as const, ["student", student] as const])
    if (choice && (choice.mean === null) !== (choice.std === null))
      problems.push(
        `${network}.${choice.mean === null ? "mean" : "std"}: expected three numbers, as ${network}.${choice.mean === null ? "std" : "mean"} has them, got null; name both or neither`,
      );
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
