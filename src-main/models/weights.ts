import { createHash } from "node:crypto";
import { existsSync, statSync } from "node:fs";
import { basename, dirname } from "node:path";
import { checkSetting } from "../contract/check-recipe";
import { InputError } from "../contract/failure";
import { parseJson } from "../contract/json";
import type { Precision } from "../contract/recipe";
import type { SettingValue } from "../contract/setting";
import { anew } from "../disk/write-beside";
import type { Module } from "../nn/module";
import { backend, type Tensor } from "../tensor/tensor";
import { Checksum, type Digest } from "./checksum";
import { type Conversion, convertWeights } from "./convert";
import { bytesOf } from "./dtypes";
import type { Resized } from "./family";
import type { Model } from "./model";
import { isIgnored } from "./names";
import { withWeights } from "./open-weights";
import { type Origin, originIn } from "./origin";
import { codeOf } from "./registry";
import { writeSafetensors } from "./safetensors";
import { shortened, type TensorFile, type TensorHeader, type TensorInfo } from "./tensor-file";
import { timmMetadata } from "./timm-config";
import { weightsFileOf } from "./weights-folder";

/** What is stored with a model's weights so that the file can be used alone. */
export interface WeightsNotes {
  /** Names in the order of the logits. */
  classes: readonly string[];
  /** Of the training images, for each channel (red, green, blue), with values in 0 ... 1. */
  mean: readonly number[];
  std: readonly number[];
  /** What else its metadata says. */
  more?: Readonly<Record<string, string>>;
}

/** What a weights file says about itself; null where it is silent. */
export interface WeightsDescription {
  classes: string[] | null;
  classCount: number | null;
  imageSize: number | null;
  patchSize: number | null;
  mean: [number, number, number] | null;
  std: [number, number, number] | null;
  /** Which of mean and std its metadata has, but cannot be used, and why; the words follow "an unusable". */
  unusableNormalization: readonly string[];
  /** Which images the weights have learned from. */
  origin: Origin | null;
  /** Names of its first tensors. */
  firstNames: readonly string[];
  /** What was chosen, dropped or passed over to read it, a sentence each. */
  notes: readonly string[];
}

/** Writes all weights under timm's names, with the notes in the file's metadata. */
export function saveWeights(model: Model, path: string, notes: WeightsNotes): void {
  writeSafetensors(path, model.weights(), metadataFor(model, notes));
}

/** What is stored with a model's weights; `classes`: null if nobody has named them. */
export function metadataFor(model: Model, { classes, mean, std, more = {} }: Omit<WeightsNotes, "classes"> & { classes: readonly string[] | null }) {
  return {
    ...more,
    model: model.name,
    ...sizesAsText(model),
    ...(classes && { classes: JSON.stringify(classes) }),
    mean: JSON.stringify(mean),
    std: JSON.stringify(std),
  };
}

/**
 * Copies the weights of a file to a new one, with the notes. Tensors that are no floats are passed on. Throws an InputError if the first cannot be read or
 * the other exists.
 */
export function exportWeights({ weights, precision, out }: { weights: string; precision: Precision; out: string }): Conversion & {
  path: string;
  bytes: number;
} {
  if (!existsSync(dirname(out))) throw new InputError(`${out} cannot be written: the folder ${dirname(out)} does not exist; make it first, or choose another`);
  if (existsSync(out)) throw new InputError(`${out}: already exists, and nothing is overwritten; choose another name`);
  const said = anew(out, (path) => convertWeights(weights, path, precision === "bf16" ? "BF16" : "F32"));
  return { path: out, bytes: statSync(out).size, ...said };
}

/**
 * Reads a file of ours, timm's, torchvision's or pytorch-cifar's into the model: safetensors, or what torch.save writes. Throws an InputError, and changes
 * nothing, if a tensor is missing, unexpected or of another shape. Where the file has a checksum, it is verified: if it is wrong, this throws too,
 * and the model must not be used. `without`: names of weights that keep their values, whatever the file has.
 */
export function loadWeights(model: Model, path: string, without: ReadonlySet<string> = new Set()): void {
  const { namings, resized } = codeOf(model.name);
  const weights = model.weights();
  withWeights(path, (file) => read(file, weights, model.name, { without, check: expectNumbers, resized: new Map(resized?.(weights, file)) }), namings);
}

/** Reads a file into tensors of the same names and shapes, like `loadWeights`; errors name the `owner`. */
export function loadTensors(tensors: ReadonlyMap<string, Tensor>, path: string, owner: string): void {
  withWeights(path, (file) => read(file, tensors, owner));
}

function read(file: TensorFile, tensors: ReadonlyMap<string, Tensor>, owner: string, options?: ReadingOptions): void {
  const digest = file.hasChecksum ? new Checksum(file.header.metadata) : null;
  readTensors(file, tensors, owner, digest, options);
  if (digest) file.expectChecksum(digest);
}

interface ReadingOptions {
  /** Names of tensors that keep their values, whatever the file has. */
  without?: ReadonlySet<string>;
  /** By name, those that the file has in another size. */
  resized?: ReadonlyMap<string, Resized>;
  /** Throws an InputError if the values cannot be used. */
  check?: (values: Float32Array, file: TensorFile, name: string) => void;
}

/**
 * Copies a file's tensors into those of the same names and shapes, and gives the digest all that was read. Throws an InputError first if they do not fit.
 */
export function readTensors(
  file: TensorFile,
  tensors: ReadonlyMap<string, Tensor>,
  owner: string,
  digest: Digest | null,
  { without = new Set(), resized = new Map(), check }: ReadingOptions = {},
): void {
  const wanted = new Map([...tensors].filter(([name]) => !without.has(name)));
  expectFit(new Map([...wanted].map(([name, tensor]) => [name, resized.get(name) ?? tensor])), file.header, file.path, owner, without);
  file.readAll(digest, new Set(wanted.keys()), (name, values) => {
    check?.(values, file, name);
    backend().write(tensors.get(name)!.handle, resized.get(name)?.converted(values) ?? values);
  });
}

/** The answers of a network whose weights are not all finite would not tell which of them it is. */
function expectNumbers(values: Float32Array, { path, header }: TensorFile, name: string): void {
  const at = values.findIndex((value) => !Number.isFinite(value));
  if (at < 0) return;
  const { dtype } = header.tensors.get(name)!;
  const reason =
    dtype === "F64" && !Number.isNaN(values[at])
      ? "that is infinite, or an fp64 too large for fp32, in which this program computes"
      : "the weights come from a training run that failed, or the file is damaged";
  throw new InputError(`weights ${path}: tensor "${shortened(name)}" holds ${values[at]}, at place ${at} of ${values.length}: ${reason}; choose others`);
}

/**
 * What a model's weights file reveals: from the shapes of its tensors where they determine it, otherwise from its metadata. `imageSize`: that of the model
 * that they are loaded into, if it is decided. Throws an InputError if the file cannot be used, a UsageError if there is no such model.
 */
export function describeWeights(path: string, model: string, imageSize: number | null = null): WeightsDescription {
  const { namings, sizesIn } = codeOf(model);
  return withWeights(
    path,
    ({ header: { metadata, tensors }, notes }) => {
      for (const [name, { shape }] of tensors)
        if (shape.includes(0)) throw new InputError(`weights ${path}: tensor "${shortened(name)}" holds no values; its shape is [${shortened(String(shape))}]`);
      const classCount = tensors.get(namings[0].head)?.shape[0] ?? null;
      const shown = sizesIn(tensors);
      const problem = shown.imageSize === undefined ? null : checkSetting("student.imageSize", shown.imageSize);
      if (problem) throw new InputError(`weights ${path} do not fit ${model}: by its shapes, the side of an image is wrong: ${problem}`);
      const file = weightsFileOf(path);
      const beside = Object.entries(timmMetadata(file)).filter(([key]) => !(key in metadata) && key !== "model");
      const { notes: unusable, ...said } = metadataOf({ ...Object.fromEntries(beside), ...metadata }, classCount, path);
      const isResampled = imageSize !== null && shown.imageSize !== undefined && shown.imageSize !== imageSize;
      const resampled = `weights ${path}: the positions of their patches, for images of ${shown.imageSize} px, are resampled for ${imageSize} px (bicubic, antialiased, as timm does)`;
      const ofFolder = file === path ? [] : [`weights ${path}: of this folder, ${basename(file)} is taken`];
      const ofConfig = beside.length === 0 ? [] : [`weights ${path}: config.json beside ${basename(file)} says ${beside.map(([key]) => key).join(", ")}`];
      const all = [...ofFolder, ...ofConfig, ...notes, ...unusable, ...(isResampled ? [resampled] : [])];
      return { ...said, classCount, patchSize: null, ...shown, firstNames: [...tensors.keys()].slice(0, 3).map(shortened), notes: all };
    },
    namings,
  );
}

/** The name of the model that a file's metadata, or timm's config.json beside it, gives its weights; null if none does. Throws an InputError if the file cannot be used. */
export function modelIn(path: string): string | null {
  return withWeights(path, ({ header: { metadata } }) => metadata.model ?? timmMetadata(weightsFileOf(path)).model ?? null);
}

/** What a file's metadata says, where it says something that can be used; the rest is another program's, and no reason to refuse the weights. */
function metadataOf(metadata: Readonly<Record<string, string>>, classCount: number | null, path: string) {
  const notes: string[] = [];
  const unusableNormalization: string[] = [];
  const value = <T>(key: string, problemOf: (value: unknown) => string | null): T | null => {
    const text = metadata[key];
    if (text === undefined) return null;
    const { value, problem } = parsed(text, problemOf);
    if (problem === null) return value as T;
    // Whoever chooses the normalisation says with what it is replaced.
    if (key === "mean" || key === "std") unusableNormalization.push(`"${key}", ${shortened(text)} (${problem})`);
    else notes.push(`weights ${path}: its metadata has an unusable "${key}", ${shortened(text)}, which is passed over: ${problem}`);
    return null;
  };
  const origin = (): Origin | null => {
    try {
      return originIn(metadata);
    } catch {
      notes.push(
        `weights ${path}: what its metadata says of the images that it was fitted to is damaged, so nobody can tell whether test images are among them`,
      );
      return null;
    }
  };
  return {
    classes: value<string[]>("classes", (names) => classesProblem(names, classCount)),
    imageSize: value<number>("imageSize", likeSetting("imageSize")),
    mean: value<[number, number, number]>("mean", likeSetting("mean")),
    std: value<[number, number, number]>("std", likeSetting("std")),
    unusableNormalization,
    origin: origin(),
    notes,
  };
}

function classesProblem(names: unknown, count: number | null): string | null {
  if (!isStrings(names)) return "expected a list of names";
  if (count !== null && names.length !== count) return `it names ${names.length} classes, and the last layer has ${count}`;
  return new Set(names).size === names.length ? null : "it has a name twice";
}

/** A file may say of itself what a recipe may say of a student. */
function likeSetting(name: "imageSize" | "mean" | "std"): (value: unknown) => string | null {
  return (value) => (value === null ? "expected a value" : checkSetting(`student.${name}`, value as SettingValue));
}

/** SHA-256 of all names and contents, sorted by name, as 64 hexadecimal digits: equal if and only if the weights are. */
export function hashWeights(model: Module): string {
  const hash = createHash("sha256");
  const byName = [...model.weights()].sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [name, weight] of byName) hash.update(`${name} [${weight.shape}]\n`).update(bytesOf(weight.toFloat32()));
  return hash.digest("hex");
}

function expectFit(
  expected: ReadonlyMap<string, Pick<TensorInfo, "shape">>,
  { tensors: found }: TensorHeader,
  path: string,
  owner: string,
  without: ReadonlySet<string>,
): void {
  const problems = [
    ...[...expected].flatMap(([name, { shape }]) => mismatch(name, shape, found.get(name)?.shape)),
    ...[...found]
      .filter(([name]) => !expected.has(name) && !isIgnored(name) && !without.has(name))
      .flatMap(([name, { shape }]) => mismatch(name, undefined, shape)),
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

export function sizesAsText({ sizes }: Model): Record<string, string> {
  return Object.fromEntries(Object.entries(sizes).flatMap(([name, size]) => (size === null ? [] : [[name, String(size)]])));
}

function parsed(text: string, problemOf: (value: unknown) => string | null): { value: unknown; problem: string | null } {
  try {
    const value = parseJson(text);
    return { value, problem: problemOf(value) };
  } catch (error) {
    return { value: null, problem: (error as Error).message };
  }
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}
