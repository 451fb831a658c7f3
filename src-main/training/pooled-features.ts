/** The features that a head is fitted to: computed once for each image and view, and kept on the disk for the next start. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { InputError } from "../contract/failure";
import { need, render } from "../data/batches";
import type { Dataset, Split } from "../data/dataset";
import { fingerprintsOf, noFingerprint } from "../data/fingerprints";
import type { DiskStore } from "../data/store/disk-store";
import { openDisk } from "../data/store/open-disk";
import { decodingVersion } from "../data/store/open-store";
import { storePlace } from "../data/store/place";
import { PLAIN_VIEW } from "../data/views";
import { writeWhole } from "../disk/write-whole";
import { backend, fromArray, noGrad, scope, unscoped } from "../tensor/tensor";
import type { Backbone } from "./backbone";
import { imagesAtOnce } from "./images-at-once";
import { renderingFor } from "./network";

/** As stored, and mirrored. */
export type View = "plain" | "mirrored";

/** Has to change whenever this program computes other features of the same images than before. */
const COMPUTING = 2;

/** Images that are looked up between two yield points. */
const READ_AT_ONCE = 1000;

export interface FeatureOptions {
  /** Views of the training images; others are seen plain. */
  views: readonly View[];
  onNote(text: string): void;
  /** Told after each batch: images in views so far, how many of them were computed now, and of how many. */
  onProgress(done: number, computed: number, total: number): void;
  /** Awaited before each batch. */
  yieldPoint(): Promise<void>;
  signal?: AbortSignal;
}

/** Features of the splits, row-major. */
export interface SplitFeatures {
  /** By view, [N,D]. */
  train: Map<View, Float32Array>;
  validation: Float32Array | null;
  test: Float32Array;
  /** How many were computed now, and how many an earlier start has kept. */
  computed: number;
  known: number;
}

/** Computes the pooled features of all images of a data set, in fp32, but for those that an earlier start has kept. */
export async function featuresOf(backbone: Backbone, data: Dataset, options: FeatureOptions): Promise<SplitFeatures> {
  const { views, onNote, signal } = options;
  const { train, validation, test } = data;
  const total = train.count * views.length + (validation?.count ?? 0) + test.count;
  const parts = {
    train: await namesOf(train, views, signal),
    validation: validation && (await namesOf(validation, ["plain"], signal)),
    test: await namesOf(test, ["plain"], signal),
  };
  const kept = new KeptFeatures(backbone, data, [...parts.train.values(), ...(parts.validation?.values() ?? []), ...parts.test.values()], onNote);
  const pass = new FeaturePass(backbone, kept, total, options);
  try {
    const ofTrain = await pass.over(train, parts.train);
    const ofValidation = validation && (await pass.over(validation, parts.validation!));
    const ofTest = await pass.over(test, parts.test);
    const { computed, known } = pass;
    return { train: ofTrain, validation: ofValidation?.get("plain") ?? null, test: ofTest.get("plain")!, computed, known };
  } finally {
    kept.close();
  }
}

/** Seconds that one image takes, measured on a batch of nothing; the first batch, which is slower, does not count. */
export function secondsPerImage({ model, normalization }: Backbone): number {
  const Z = model.imageSize;
  const pixels = unscoped(() => fromArray(new Uint8Array(Z * Z * 3), [1, Z, Z, 3]));
  const images: Split = { count: 1, labels: new Int32Array(1), H: Z, W: Z, images: pixels, fingerprintOf: noFingerprint };
  const indices = new Int32Array(Math.max(2, imagesAtOnce(Z) / 4));
  const time = () => {
    const began = performance.now();
    scope(() => noGrad(() => model.forward(render(images, { indices, views: null }, renderingFor({ model, normalization }, "fp32"))).toFloat32()));
    return (performance.now() - began) / 1000 / indices.length;
  };
  try {
    time();
    return time();
  } finally {
    images.images.release();
  }
}

class FeaturePass {
  computed = 0;
  known = 0;

  constructor(
    private readonly backbone: Backbone,
    private readonly kept: KeptFeatures,
    private readonly total: number,
    private readonly options: FeatureOptions,
  ) {}

  async over(split: Split, names: ReadonlyMap<View, Names>): Promise<Map<View, Float32Array>> {
    const { width, weights, model } = this.backbone;
    const { yieldPoint, onProgress } = this.options;
    const features = new Map([...names.keys()].map((view) => [view, new Float32Array(split.count * width)]));
    const missing = await this.#read(split.count, names, features);
    const some = range(0, split.count).filter((n) => [...missing.values()].some((those) => those.has(n)));
    // One image is computed as two.
    const batch = Math.max(2, imagesAtOnce(model.imageSize));
    for (let at = 0; at < some.length; at += batch) {
      const images = some.subarray(at, at + batch);
      for (const [view, those] of missing) {
        const indices = images.filter((n) => those.has(n));
        if (indices.length === 0) continue;
        await yieldPoint();
        await need(split, indices, some.subarray(at + batch, at + 2 * batch));
        const computed = this.#compute(split, indices, view);
        if (!computed.every(Number.isFinite)) throw new InputError(`the weights ${weights} answer with what is no number: choose others`);
        for (const [i, n] of indices.entries()) {
          const row = rowOf(features.get(view)!, n, width);
          row.set(rowOf(computed, i, width));
          this.kept.write(names.get(view)![n]!, row);
        }
        this.computed += indices.length;
        onProgress(this.computed + this.known, this.computed, this.total);
      }
    }
    return features;
  }

  /** Fills in what an earlier start has kept. Returns which images are missing, by view. */
  async #read(count: number, names: ReadonlyMap<View, Names>, features: ReadonlyMap<View, Float32Array>): Promise<Map<View, Set<number>>> {
    const missing = new Map<View, Set<number>>();
    for (const [view, those] of names) {
      const absent = new Set<number>();
      missing.set(view, absent);
      for (let n = 0; n < count; n++) {
        if (n % READ_AT_ONCE === 0) await this.options.yieldPoint();
        if (this.kept.read(those[n]!, rowOf(features.get(view)!, n, this.backbone.width))) this.known++;
        else absent.add(n);
      }
    }
    this.options.onProgress(this.computed + this.known, this.computed, this.total);
    return missing;
  }

  /** [N,D] */
  #compute(split: Split, indices: Int32Array, view: View): Float32Array {
    // Convolutions of one image sum in another order than those of a batch.
    const shown = indices.length === 1 ? Int32Array.of(indices[0]!, indices[0]!) : indices;
    const views = view === "plain" ? null : new Int32Array(shown.length * PLAIN_VIEW).map((_, i) => (i % PLAIN_VIEW === PLAIN_VIEW - 1 ? 1 : 0));
    const { model } = this.backbone;
    const features = scope(() => noGrad(() => model.forward(render(split, { indices: shown, views }, renderingFor(this.backbone, "fp32"))).toFloat32()));
    return features.subarray(0, indices.length * this.backbone.width);
  }
}

const rowOf = (values: Float32Array, n: number, width: number): Float32Array => values.subarray(n * width, (n + 1) * width);

// ---- What is kept -----------------------------------------------------------------------------------------------------------------

/** Names of the images in one view, by what they show: equal for the same image in whatever part of the data; null where that is not known. */
type Names = (number | null)[];

/** A fingerprint has 48 bits, and a number 53. */
async function namesOf(split: Split, views: readonly View[], signal?: AbortSignal): Promise<Map<View, Names>> {
  const prints = storePlace().folder === null ? Array.from({ length: split.count }, () => null) : await fingerprintsOf(split, signal);
  return new Map(views.map((view) => [view, prints.map((print) => (print === null ? null : 2 * print + (view === "plain" ? 0 : 1)))]));
}

/**
 * Features by the names of their images, each with its checksum: other images beside them change nothing. Before each stands its name, as another process
 * may have given its place to another image meanwhile. What the disk refuses is computed again by the next start.
 */
class KeptFeatures {
  readonly #record: Float64Array<ArrayBuffer>;
  readonly #places = new Map<number, number>();
  #disk: DiskStore | null;

  constructor(
    backbone: Backbone,
    data: Dataset,
    names: readonly Names[],
    private readonly onNote: (text: string) => void,
  ) {
    this.#record = new Float64Array(1 + Math.ceil(backbone.width / 2));
    const count = (folder: string) => this.#givePlaces(join(folder, "names"), names);
    const bytes = this.#record.byteLength;
    this.#disk = openDisk({ key: keyOf(backbone, data), images: data.path, count, bytes, what: "features", again: "computes them again", onNote });
    const homeless = this.#disk?.homeless ?? 0;
    if (homeless > 0) onNote(`${homeless} features have no room on the disk, and are computed again by the next start: see DISTILL_CACHE_GB`);
  }

  /** Fills `values` [D] with those of an image. False, with undefined content, unless they are there. */
  read(name: number | null, values: Float32Array): boolean {
    const place = this.#placeOf(name);
    if (place === null || !this.#disk!.has(place) || !this.#disk!.read(place, new Uint8Array(this.#record.buffer)) || this.#record[0] !== name) return false;
    values.set(new Float32Array(this.#record.buffer, 8, values.length));
    return true;
  }

  write(name: number | null, values: Float32Array): void {
    const place = this.#placeOf(name);
    if (place === null) return;
    this.#record[0] = name!;
    new Float32Array(this.#record.buffer, 8, values.length).set(values);
    try {
      this.#disk!.write(place, new Uint8Array(this.#record.buffer));
    } catch (error) {
      if (!(error instanceof Error && "syscall" in error)) throw error;
      this.onNote(`features go no further to the disk (${error.message}): the next start computes the others again`);
      this.close();
    }
  }

  close(): void {
    this.#disk?.close();
    this.#disk = null;
  }

  #placeOf(name: number | null): number | null {
    return this.#disk && name !== null ? (this.#places.get(name) ?? null) : null;
  }

  /** New images get the places after those that are known. Returns how many there are. */
  #givePlaces(file: string, names: readonly Names[]): number {
    const known = existsSync(file) ? readFileSync(file) : Buffer.alloc(0);
    for (let at = 0; at + 8 <= known.length; at += 8) this.#places.set(known.readDoubleLE(at), at / 8);
    const before = this.#places.size;
    for (const name of names.flat()) if (name !== null && !this.#places.has(name)) this.#places.set(name, this.#places.size);
    if (this.#places.size > before) {
      const bytes = new Uint8Array(Float64Array.from(this.#places.keys()).buffer);
      writeWhole(file, (open) => open.write(bytes));
    }
    return this.#places.size;
  }
}

/** Of everything that the features of an image follow from, to the last bit, but for the image. */
function keyOf({ model, hash, normalization }: Backbone, { path, train: { H, W } }: Dataset): string {
  const { isa } = backend().cpuFeatures();
  const of = { computing: COMPUTING, decoding: decodingVersion(), model: model.name, hash, sizes: model.sizes, normalization, path, H, W };
  return createHash("sha256")
    .update(JSON.stringify({ ...of, device: backend().device(), isa }))
    .digest("hex")
    .slice(0, 32);
}

function range(first: number, end: number): Int32Array {
  return Int32Array.from({ length: Math.max(0, end - first) }, (_, i) => first + i);
}
