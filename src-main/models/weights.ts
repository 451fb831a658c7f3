import { createHash } from "node:crypto";
import { existsSync, statSync } from "node:fs";
import { checkSetting } from "../contract/check-recipe";
import { InputError } from "../contract/failure";
import { parseJson } from "../contract/json";
import type { Precision } from "../contract/recipe";
import type { SettingValue } from "../contract/setting";
import type { Module } from "../nn/module";
import { backend, type Tensor } from "../tensor/tensor";
import { Checksum, type Digest } from "./checksum";
import type { Model } from "./model";
import { codeOf } from "./registry";
import { bytesOf, convertSafetensors, readSafetensorsHeader, type SafetensorsFile, withSafetensors, writeSafetensors } from "./safetensors";
import { type SafetensorsHeader, shortened } from "./safetensors-header";

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

/**
 * Reads a file of ours, timm's or torchvision's into the model. Throws an InputError, and changes nothing, if a tensor is missing, unexpected or
 * of another shape. Where the file has a checksum, it is verified: if it is wrong, this throws too, and the model must not be used.
 */
export function loadWeights(model: Model, path: string): void {
  loadTensors(model.weights(), path, model.name);
}

/** Reads a file into tensors of the same names and shapes, like `loadWeights`; errors name the `owner`. */
export function loadTensors(tensors: ReadonlyMap<string, Tensor>, path: string, owner: string): void {
  withSafetensors(path, (file) => {
    const digest = new Checksum(file.header.metadata);
    readTensors(file, tensors, owner, digest);
    file.expectChecksum(digest);
  });
}

/** Copies a file's tensors into those of the same names and shapes, and gives the digest all that was read. Throws an InputError first if they do not fit. */
export function readTensors(file: SafetensorsFile, tensors: ReadonlyMap<string, Tensor>, owner: string, digest: Digest): void {
  expectFit(tensors, file.header, file.path, owner);
  file.readAll(digest, new Set(tensors.keys()), (name, values) => backend().write(tensors.get(name)!.handle, values));
}

/**
 * What a model's weights file reveals: from the shapes of its tensors where they determine it, otherwise from its metadata. Throws an
 * InputError if the file cannot be used, a UsageError if there is no such model.
 */
export function describeWeights(path: string, model: string): WeightsDescription {
  const { head, sizesIn } = codeOf(model);
  const { metadata, tensors } = readSafetensorsHeader(path);
  for (const [name, { shape }] of tensors)
    if (shape.includes(0)) throw new InputError(`weights ${path}: tensor "${shortened(name)}" holds no values; its shape is [${shortened(String(shape))}]`);
  const classes = parsed<string[]>(path, metadata, "classes", (value) => (isStrings(value) ? null : "expected a list of names"));
  const classCount = tensors.get(head)?.shape[0] ?? null;
  if (classes && classCount !== null && classes.length !== classCount)
    throw new InputError(`weights ${path}: names ${classes.length} classes, but its last layer has ${classCount}`);
  const shown = sizesIn(tensors);
  const problem = shown.imageSize === undefined ? null : checkSetting("student.imageSize", shown.imageSize);
  if (problem) throw new InputError(`weights ${path} do not fit ${model}: by its shapes, the side of an image is wrong: ${problem}`);
  return {
    classes,
    classCount,
    imageSize: noted(path, metadata, "imageSize"),
    patchSize: null,
    ...shown,
    mean: noted(path, metadata, "mean"),
    std: noted(path, metadata, "std"),
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
  return [`tensor "${shortened(name)}": expected ${shapeText(expected)}, found ${shapeText(found)}`];
}

function shapeText(shape: readonly number[] | undefined): string {
  return shape ? `[${shortened(String(shape))}]` : "none";
}

function sizesAsText({ sizes }: Model): Record<string, string> {
  return Object.fromEntries(Object.entries(sizes).flatMap(([name, size]) => (size === null ? [] : [[name, String(size)]])));
}

/** A file may say of itself what a recipe may say of a student. */
function noted<T extends SettingValue>(path: string, metadata: Record<string, string>, name: "imageSize" | "mean" | "std"): T | null {
  return parsed<T>(path, metadata, name, (value) => (value === null ? "expected a value" : checkSetting(`student.${name}`, value as SettingValue)));
}

function parsed<T>(path: string, metadata: Record<string, string>, key: string, problemOf: (value: unknown) => string | null): T | null {
  const text = metadata[key];
  if (text === undefined) return null;
  const unusable = (problem: string) => new InputError(`weights ${path}: its metadata has an unusable "${key}", ${shortened(text)}: ${problem}`);
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (error) {
    throw unusable((error as Error).message);
  }
  const problem = problemOf(value);
  if (problem) throw unusable(problem);
  return value as T;
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}
