import { createHash } from "node:crypto";
import { existsSync, statSync } from "node:fs";
import { InputError } from "../contract/failure";
import type { Precision } from "../contract/recipe";
import type { Module } from "../nn/module";
import { backend, type Tensor } from "../tensor/tensor";
import type { Model } from "./model";
import { codeOf } from "./registry";
import { bytesOf, convertSafetensors, readSafetensors, readSafetensorsHeader, type SafetensorsHeader, writeSafetensors } from "./safetensors";

/** What is stored with a model's weights so that the file can be used alone. */
export interface WeightsNotes {
  /** Names in the order of the logits. */
  classes: readonly string[];
  /** Of the training images, for each channel (red, green, blue), with values in 0 ... 1. */
  mean: readonly number[];
  std: readonly number[];
}

/** What a weights file says about itself; null where it is silent. */
export interface WeightsDescription {
  classes: string[] | null;
  classCount: number | null;
  imageSize: number | null;
  patchSize: number | null;
  mean: [number, number, number] | null;
  std: [number, number, number] | null;
}

/** Writes all weights under timm's names, with the notes in the file's metadata. */
export function saveWeights(model: Model, path: string, { classes, mean, std }: WeightsNotes): void {
  writeSafetensors(path, model.weights(), {
    model: model.name,
    ...sizesAsText(model),
    classes: JSON.stringify(classes),
    mean: JSON.stringify(mean),
    std: JSON.stringify(std),
  });
}

/** Copies the weights of a file to a new one, with the notes. Throws an InputError if the first cannot be read or the other exists. */
export function exportWeights({ weights, precision, out }: { weights: string; precision: Precision; out: string }): { path: string; bytes: number } {
  if (existsSync(out)) throw new InputError(`${out}: already exists, and nothing is overwritten; choose another name`);
  convertSafetensors(weights, out, precision === "bf16" ? "BF16" : "F32");
  return { path: out, bytes: statSync(out).size };
}

/** Reads a file of ours, timm's or torchvision's into the model. Throws an InputError, and changes nothing, if a tensor is missing, unexpected or of another shape. */
export function loadWeights(model: Model, path: string): void {
  loadTensors(model.weights(), path, model.name);
}

/** Reads a file into tensors of the same names and shapes; errors name the `owner`. */
export function loadTensors(tensors: ReadonlyMap<string, Tensor>, path: string, owner: string): void {
  const header = readSafetensorsHeader(path);
  expectFit(tensors, header, path, owner);
  readSafetensors(path, header, tensors.keys(), (name, values) => backend().write(tensors.get(name)!.handle, values));
}

/**
 * What a model's weights file reveals: from the shapes of its tensors where they determine it, otherwise from its metadata. Throws an
 * InputError if the file cannot be used, a UsageError if there is no such model.
 */
export function describeWeights(path: string, model: string): WeightsDescription {
  const { head, sizesIn } = codeOf(model);
  const { metadata, tensors } = readSafetensorsHeader(path);
  const classes = parsed(path, metadata, "classes", isStrings);
  const classCount = tensors.get(head)?.shape[0] ?? classes?.length ?? null;
  if (classes && classes.length !== classCount) throw new InputError(`weights ${path}: names ${classes.length} classes, but its last layer has ${classCount}`);
  return {
    classes,
    classCount,
    imageSize: parsed(path, metadata, "imageSize", isSize),
    patchSize: null,
    ...sizesIn(tensors),
    mean: parsed(path, metadata, "mean", isTriple),
    std: parsed(path, metadata, "std", isTriple),
  };
}

/** SHA-256 of all names and contents, sorted by name, as 64 hexadecimal digits: equal if and only if the weights are. */
export function hashWeights(model: Module): string {
  const hash = createHash("sha256");
  const byName = [...model.weights()].sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [name, weight] of byName) hash.update(`${name} [${weight.shape}]\n`).update(bytesOf(weight.toFloat32()));
  return hash.digest("hex");
}

/** PyTorch counts batches even in batch norms that average with a momentum, where nothing depends on the count. */
function isIgnored(name: string): boolean {
  return name.endsWith(".num_batches_tracked");
}

function expectFit(expected: ReadonlyMap<string, Tensor>, { tensors: found }: SafetensorsHeader, path: string, owner: string): void {
  const problems = [
    ...[...expected].flatMap(([name, { shape }]) => mismatch(name, shape, found.get(name)?.shape)),
    ...[...found].filter(([name]) => !expected.has(name) && !isIgnored(name)).flatMap(([name, { shape }]) => mismatch(name, undefined, shape)),
  ];
  if (problems.length === 0) return;
  const shown = problems.slice(0, 3).join("; ");
  const more = problems.length > 3 ? `; and ${problems.length - 3} more` : "";
  throw new InputError(`weights ${path} do not fit ${owner}: ${shown}${more}. Choose the model, sizes and number of classes that they were trained with.`);
}

function mismatch(name: string, expected: readonly number[] | undefined, found: readonly number[] | undefined): string[] {
  if (String(expected) === String(found) && expected && found) return [];
  return [`tensor "${name}": expected ${shapeText(expected)}, found ${shapeText(found)}`];
}

function shapeText(shape: readonly number[] | undefined): string {
  return shape ? `[${shape}]` : "none";
}

function sizesAsText({ sizes }: Model): Record<string, string> {
  return Object.fromEntries(Object.entries(sizes).flatMap(([name, size]) => (size === null ? [] : [[name, String(size)]])));
}

function parsed<T>(path: string, metadata: Record<string, string>, key: string, isValid: (value: unknown) => value is T): T | null {
  const text = metadata[key];
  if (text === undefined) return null;
  try {
    const value: unknown = JSON.parse(text);
    if (isValid(value)) return value;
  } catch {
    // Not JSON: the same as JSON of another kind.
  }
  throw new InputError(`weights ${path}: its metadata has an unusable "${key}": ${text}`);
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

function isTriple(value: unknown): value is [number, number, number] {
  return Array.isArray(value) && value.length === 3 && value.every((item) => Number.isFinite(item));
}

function isSize(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) > 0;
}
