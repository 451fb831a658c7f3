/** The features that a head is fitted to: computed once for each image and view, and kept on the disk for the next start. */
import { createHash } from "node:crypto";
import { InputError } from "../contract/failure";
import { need, render } from "../data/batches";
import type { Dataset, Split } from "../data/dataset";
import { noFingerprint } from "../data/fingerprints";
import type { DiskStore } from "../data/store/disk-store";
import { openDisk } from "../data/store/open-disk";
import { PLAIN_VIEW } from "../data/views";
import { backend, fromArray, noGrad, scope, unscoped } from "../tensor/tensor";
import type { Backbone } from "./backbone";
import { imagesAtOnce } from "./images-at-once";
import { renderingFor } from "./network";

/** As stored, and mirrored. */
export type View = "plain" | "mirrored";

/** Has to change whenever this program computes other features of the same images than before. */
const COMPUTING = 1;

export interface FeatureOptions {
  /** Views of the training images; others are seen plain. */
  views: readonly View[];
  onNote(text: string): void;
  /** Told after each batch: images in views so far, how many of them were computed now, and of how many. */
  onProgress(done: number, computed: number, total: number): void;
  /** Awaited before each batch. */
  yieldPoint(): Promise<void>;
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
  const { views, onNote } = options;
  const { train, validation, test } = data;
  const counts = { train: train.count * views.length, validation: validation?.count ?? 0, test: test.count };
  const total = counts.train + counts.validation + counts.test;
  const kept = new KeptFeatures(backbone, data, views, total, onNote);
  const pass = new FeaturePass(backbone, kept, total, options);
  try {
    const ofTrain = await pass.over(train, views, 0);
    const ofValidation = validation && (await pass.over(validation, ["plain"], counts.train));
    const ofTest = await pass.over(test, ["plain"], counts.train + counts.validation);
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

  /** `first`: the place among all features at which those of this split begin, view by view. */
  async over(split: Split, views: readonly View[], first: number): Promise<Map<View, Float32Array>> {
    const { width, weights } = this.backbone;
    const features = new Map(views.map((view) => [view, new Float32Array(split.count * width)]));
    // One image is computed as two.
    const batch = Math.max(2, imagesAtOnce(this.backbone.model.imageSize));
    for (let n = 0; n < split.count; n += batch) {
      const indices = range(n, Math.min(n + batch, split.count));
      for (const [v, view] of views.entries()) {
        const values = features.get(view)!.subarray(n * width, (n + indices.length) * width);
        const place = first + v * split.count + n;
        await this.options.yieldPoint();
        if (this.kept.read(place, values)) this.known += indices.length;
        else {
          await need(split, indices, range(n + indices.length, Math.min(n + 2 * batch, split.count)));
          values.set(this.#compute(split, indices, view));
          if (!values.every(Number.isFinite)) throw new InputError(`the weights ${weights} answer with what is no number: choose others`);
          this.kept.write(place, values);
          this.computed += indices.length;
        }
        this.options.onProgress(this.computed + this.known, this.computed, this.total);
      }
    }
    return features;
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

/** Features by their place, each with its checksum. What the disk refuses is computed again by the next start. */
class KeptFeatures {
  readonly #bytes: number;
  #disk: DiskStore | null;

  constructor(
    backbone: Backbone,
    data: Dataset,
    views: readonly View[],
    count: number,
    private readonly onNote: (text: string) => void,
  ) {
    this.#bytes = 4 * backbone.width;
    const key = keyOf(backbone, data, views);
    this.#disk = openDisk({ key, images: data.path, count, bytes: this.#bytes, what: "features", again: "computes them again", onNote });
    const homeless = this.#disk?.homeless ?? 0;
    if (homeless > 0)
      onNote(`the features of ${homeless} of ${count} images have no room on the disk, and are computed again by the next start: see DISTILL_CACHE_GB`);
  }

  /** Fills `values` with those from a place on. False, with undefined content, unless all are there. */
  read(place: number, values: Float32Array): boolean {
    return this.#rows(values).every((row, i) => this.#disk?.has(place + i) && this.#disk.read(place + i, row));
  }

  write(place: number, values: Float32Array): void {
    try {
      for (const [i, row] of this.#rows(values).entries()) this.#disk?.write(place + i, row);
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

  #rows({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array[] {
    return Array.from({ length: byteLength / this.#bytes }, (_, i) => new Uint8Array(buffer, byteOffset + i * this.#bytes, this.#bytes));
  }
}

/** Of everything that features follow from, to the last bit. */
function keyOf({ model, hash, normalization }: Backbone, data: Dataset, views: readonly View[]): string {
  const { isa } = backend().cpuFeatures();
  const key = { computing: COMPUTING, model: model.name, hash, sizes: model.sizes, normalization, data: data.hash, views, device: backend().device(), isa };
  return createHash("sha256").update(JSON.stringify(key)).digest("hex").slice(0, 32);
}

function range(first: number, end: number): Int32Array {
  return Int32Array.from({ length: Math.max(0, end - first) }, (_, i) => first + i);
}
