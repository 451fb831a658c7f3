/**
 * What is wrong with a recipe, key by key. The schema is the table as a tree of strict objects, in which every key may be absent except the
 * required ones.
 */
import { modelNames } from "./families";
import { nearest } from "./nearest";
import { isObjectiveKind, objectiveKinds, shortForm, termSettings } from "./objectives";
import { distillationRows, isNullableSection, isSetting, type Tree, tree } from "./recipe-tree";
import { isObject, type Json, otherTeacherKeys, termKeysAt } from "./recipe-values";
import { expectation, type Setting, type SettingValue } from "./setting";
import { controlKeys, otherTeacherRows, sections, settingAt, settingKeys, settings } from "./settings";
import { z } from "./zod";

/** The problems of a recipe, one line each; none if every key and value of it is known. */
export function problemsIn(json: unknown): string[] {
  return checkVersion(json) ?? checkShape(json);
}

/** What is wrong with one value, or null; for form fields and flags. The recipe determines the kinds of a distillation's terms. */
export function checkSetting(key: string, value: SettingValue, recipe?: unknown): string | null {
  return checkValue(settingAt(key, recipe)!, value);
}

/** What is wrong with a value of a row, or null. */
export function checkValue(setting: Setting, value: SettingValue): string | null {
  return leafSchema(setting).safeParse(value).success
    ? null
    : `expected ${expectation(setting)}, got ${(setting.kind === "triple" ? shownTriple : shown)(value)}${meantValue(setting, value)}`;
}

function checkVersion(json: unknown): string[] | null {
  if (!isObject(json)) return [`expected an object with data, student and other settings, got ${shown(json)}`];
  if (json.version === undefined || json.version === 1) return null;
  return [`version: this program reads recipes of version 1, got ${shown(json.version)}; a newer release may read it`];
}

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

const rowsSchema = (rows: { readonly [name: string]: Setting }) =>
  z.strictObject(Object.fromEntries(Object.entries(rows).map(([name, row]) => [name, leafSchema(row).optional()])));
const teacherSchema = (schemaOf(tree.teacher as Tree) as z.ZodObject).extend({ others: z.array(rowsSchema(otherTeacherRows)).optional() });
const schema = (schemaOf(tree, isNullableSection) as z.ZodObject).extend({
  version: z.literal(1).optional(),
  teacher: teacherSchema.nullable().optional(),
  distillation: z.unknown(),
});
/** The short form has no `labels`: alpha decides their weight. */
const { labels: _, ...besidesLabels } = distillationRows;
const shortSchema = rowsSchema({ ...shortForm, ...besidesLabels });
const sumSchema = rowsSchema(distillationRows).extend({ terms: z.array(z.looseObject({ kind: z.enum(objectiveKinds) })).min(1) });
const termSchemas = Object.fromEntries(objectiveKinds.map((kind) => [kind, rowsSchema(termSettings(kind)).extend({ kind: z.literal(kind) })]));

function checkShape(json: unknown): string[] {
  const { distillation } = json as Json;
  return [...issuesOf(schema, json, [], json), ...(distillation === undefined || distillation === null ? [] : checkDistillation(distillation, json))];
}

/** Whether a distillation has the long form: a sum of terms. */
export function isSum(distillation: Json): boolean {
  return "terms" in distillation || "labels" in distillation;
}

export function checkDistillation(distillation: unknown, json: unknown): string[] {
  if (!isObject(distillation)) return problemsAt("distillation", distillation, json);
  if (!isSum(distillation)) return checkShortForm(distillation, json);
  if (distillation.terms === undefined) return [`distillation.terms: is missing; expected ${TERMS_EXPECTED}`];
  const problems = issuesOf(sumSchema, distillation, ["distillation"], json);
  if (problems.length > 0) return problems;
  return (distillation.terms as Json[]).flatMap((term, index) => issuesOf(termSchemas[term.kind as string]!, term, ["distillation", "terms", index], json));
}

/** The keys beside a wrong kind were meant for it, and are not reported. */
function checkShortForm(distillation: Json, json: unknown): string[] {
  const { kind } = distillation;
  if (kind === undefined || kind === "soft") return issuesOf(shortSchema, distillation, ["distillation"], json);
  if (isObjectiveKind(kind)) return [`distillation.kind: the short form takes soft labels alone; write "terms": [{"kind": "${kind}", ...}] for others`];
  const meant = typeof kind === "string" ? nearest(kind, objectiveKinds) : null;
  return [`distillation.kind: expected soft, or one of ${objectiveKinds.join(", ")} in "terms", got ${shown(kind)}${meant ? `; did you mean ${meant}?` : ""}`];
}

const TERMS_EXPECTED = 'a list of one or more objectives, such as {"kind": "soft", "weight": 0.5, "temperature": 2}';

/** The problems that a schema finds in the part of a recipe at a path. */
function issuesOf(schema: z.ZodType, part: unknown, at: readonly (string | number)[], json: unknown): string[] {
  const result = schema.safeParse(part);
  if (result.success) return [];
  const problems = result.error.issues.flatMap((issue) => {
    // A number of three is reported with the others.
    const within = settingAt([...at, ...issue.path.slice(0, -1)].join("."), json) ? issue.path.slice(0, -1) : issue.path;
    const path = [...at, ...within].join(".");
    if (issue.code === "unrecognized_keys") return issue.keys.map((key) => unknownKey(path ? `${path}.${key}` : key, json));
    const value = within.reduce<unknown>((part, name) => (part as Json)[name as string], part);
    return problemsAt(path, value, json);
  });
  // A text for three numbers is both of the wrong kind and of the wrong length.
  return [...new Set(problems)];
}

/** A section that is missing altogether is reported by its required keys. */
function problemsAt(path: string, value: unknown, json: unknown): string[] {
  if (path === "distillation.terms") return [`distillation.terms: expected ${TERMS_EXPECTED}, got ${Array.isArray(value) ? "an empty list" : shown(value)}`];
  if (path === "teacher.others")
    return [`teacher.others: expected a list of teachers, such as {"model": "resnet20_cifar10", "weight": 1}, got ${shown(value)}`];
  const setting = settingAt(path, json);
  if (setting)
    return [
      value === undefined
        ? `${path}: is missing; expected ${expectation(setting)}`
        : `${path}: expected ${expectation(setting)}, got ${(setting.kind === "triple" ? shownTriple : shown)(value)}${meantValue(setting, value)}`,
    ];
  if (value !== undefined) return [`${path}: expected an object${isNullableSection(path) ? " or null" : ""}, got ${shown(value)}`];
  return settingKeys.filter((key) => key.startsWith(`${path}.`) && "required" in settings[key]).flatMap((key) => problemsAt(key, undefined, json));
}

/** "; did you mean resnet18?" for a misspelled name of a model; the same for a mean or deviation of values in 0 ... 255. */
function meantValue(setting: Setting, value: unknown): string {
  const model = setting.kind === "model" && typeof value === "string" ? nearest(value, modelNames) : null;
  const meant = model ?? (setting.kind === "triple" ? triple255(value) : null);
  return meant ? `; did you mean ${meant}?` : "";
}

/** Three numbers of which one is above any mean or deviation of values in 0 ... 1, divided by 255. */
function triple255(value: unknown): string | null {
  if (!Array.isArray(value) || value.length !== 3 || !value.every((each) => typeof each === "number" && each >= 0 && each <= 255)) return null;
  return value.some((each) => each > 1)
    ? `${value.map((each) => Number((each / 255).toFixed(4))).join(",")}, which is that of values in 0 ... 1 (divided by 255)`
    : null;
}

/** "train.epoch: unknown key; did you mean train.epochs?" */
export function unknownKey(key: string, recipe?: unknown): string {
  const known = [
    "version",
    ...Object.keys(sections),
    ...settingKeys,
    ...controlKeys,
    "teacher.others",
    ...otherTeacherKeys(recipe),
    ...distillationKeys(recipe),
  ];
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

/** A list of another length than three says how long it is. */
function shownTriple(value: unknown): string {
  const isOther = Array.isArray(value) && value.length !== 3 && value.every((each) => typeof each === "number");
  return isOther ? `${value.length} ${value.length === 1 ? "number" : "numbers"}` : shown(value);
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return value.length === 3 && value.every((each) => typeof each === "number") ? value.join(",") : "a list";
  if (isObject(value)) return "an object";
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
