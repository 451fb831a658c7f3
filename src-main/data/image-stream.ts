import { backend, fromArray, type Tensor, unscoped } from "../tensor/tensor";
import type { ImageSource } from "./image-source";

export interface StreamOptions {
  source: ImageSource;
  H: number;
  W: number;
  /** Whether all images lie in the computer's memory. */
  isHeld: boolean;
}

/** Brings the images of a split to the device when they are needed. */
export abstract class ImageStream {
  /** For a batch on its way; used again. */
  #memory = new Uint8Array();

  constructor(protected readonly options: StreamOptions) {}

  get isHeld(): boolean {
    return this.options.isHeld;
  }

  /** u8 [rows,H,W,3], those that were needed last, perhaps among others. */
  abstract readonly images: Tensor;
  /** [N]: the rows of `images` in which these samples lie. They must have been needed last. */
  abstract rowsOf(samples: Int32Array): Int32Array;
  /** Resolves once these samples can be shown, as often as one likes, until others are needed. Those of `next` are decoded meanwhile and afterwards. */
  abstract need(samples: Int32Array, next: Int32Array): Promise<void>;
  abstract release(): void;

  /** [samples.length,H,W,3] in the computer's memory, until the next call of this or `need`. */
  async read(samples: Int32Array): Promise<Uint8Array> {
    const { source, H, W } = this.options;
    const size = samples.length * H * W * 3;
    if (this.#memory.length < size) this.#memory = new Uint8Array(size);
    const pixels = this.#memory.subarray(0, size);
    await source.read(samples, pixels);
    return pixels;
  }
}

/** Hands the device those of one batch at a time. */
export class BatchStream extends ImageStream {
  /** By image, its row in `#images`. */
  #rows: ReadonlyMap<number, number> = new Map();
  #images: Tensor | null = null;

  get images(): Tensor {
    if (!this.#images) throw new Error("no images were needed yet: await `need` before they are shown");
    return this.#images;
  }

  rowsOf(samples: Int32Array): Int32Array {
    return samples.map((sample) => {
      const row = this.#rows.get(sample);
      if (row === undefined) throw new Error(`image ${sample} was not needed: await \`need\` before it is shown`);
      return row;
    });
  }

  async need(samples: Int32Array, next: Int32Array): Promise<void> {
    const wanted = Int32Array.from(new Set(samples));
    if (wanted.length !== this.#rows.size || !wanted.every((sample) => this.#rows.has(sample))) await this.#bring(wanted);
    this.options.source.expect(next);
  }

  release(): void {
    this.#images?.release();
    this.#images = null;
    this.#rows = new Map();
  }

  async #bring(wanted: Int32Array): Promise<void> {
    const { H, W } = this.options;
    const pixels = await this.read(wanted);
    this.release();
    this.#images = unscoped(() => fromArray(pixels, [wanted.length, H, W, 3]));
    this.#rows = new Map(Array.from(wanted, (sample, row) => [sample, row]));
  }
}

/** Leaves on the device what was needed once: it has room for all. */
export class GrowingStream extends ImageStream {
  readonly #isThere: Uint8Array;

  /** `images` is u8 [count,H,W,3], and belongs to the stream from here on. */
  constructor(
    options: StreamOptions,
    readonly images: Tensor,
  ) {
    super(options);
    this.#isThere = new Uint8Array(images.shape[0]!);
  }

  rowsOf(samples: Int32Array): Int32Array {
    const missing = samples.find((sample) => !this.#isThere[sample]);
    if (missing !== undefined) throw new Error(`image ${missing} was not needed: await \`need\` before it is shown`);
    return samples;
  }

  async need(samples: Int32Array, next: Int32Array): Promise<void> {
    const missing = Int32Array.from(new Set(samples)).filter((sample) => !this.#isThere[sample]);
    if (missing.length > 0) await this.#bring(missing);
    this.options.source.expect(next.filter((sample) => !this.#isThere[sample]));
  }

  release(): void {
    this.images.release();
  }

  async #bring(missing: Int32Array): Promise<void> {
    const size = this.options.H * this.options.W * 3;
    const pixels = await this.read(missing);
    for (const [i, sample] of missing.entries()) {
      backend().writePart(this.images.handle, sample * size, pixels.subarray(i * size, (i + 1) * size));
      this.#isThere[sample] = 1;
    }
  }
}
