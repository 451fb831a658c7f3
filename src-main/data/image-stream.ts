import { fromArray, type Tensor, unscoped } from "../tensor/tensor";
import type { ImageSource } from "./image-source";

/**
 * Hands a network the images of a split that do not all lie in the device's memory: those of one batch at a time. `need` brings them there, and until it is
 * called again they can be shown as often as one likes.
 */
export class ImageStream {
  /** By image, its row in `#images`. */
  #rows: ReadonlyMap<number, number> = new Map();
  #images: Tensor | null = null;
  #buffer = new Uint8Array();

  constructor(
    private readonly source: ImageSource,
    readonly H: number,
    readonly W: number,
    /** Whether all of them lie in the computer's memory. */
    readonly isHeld: boolean,
  ) {}

  /** u8 [rows,H,W,3], those that were needed last. */
  get images(): Tensor {
    if (!this.#images) throw new Error("no images were needed yet: await `need` before they are shown");
    return this.#images;
  }

  /** [N]: the rows of `images` in which these samples lie. They must have been needed. */
  rowsOf(samples: Int32Array): Int32Array {
    return samples.map((sample) => {
      const row = this.#rows.get(sample);
      if (row === undefined) throw new Error(`image ${sample} was not needed: await \`need\` before it is shown`);
      return row;
    });
  }

  /** Resolves once these samples can be shown, instead of those before. Those of `next` are decoded meanwhile and afterwards. */
  async need(samples: Int32Array, next: Int32Array): Promise<void> {
    const wanted = Int32Array.from(new Set(samples));
    if (wanted.length !== this.#rows.size || !wanted.every((sample) => this.#rows.has(sample))) await this.#bring(wanted);
    this.source.expect(next);
  }

  release(): void {
    this.#forget();
  }

  async #bring(wanted: Int32Array): Promise<void> {
    const { H, W } = this;
    const size = wanted.length * H * W * 3;
    if (this.#buffer.length < size) this.#buffer = new Uint8Array(size);
    const pixels = this.#buffer.subarray(0, size);
    await this.source.read(wanted, pixels);
    this.#forget();
    this.#images = unscoped(() => fromArray(pixels, [wanted.length, H, W, 3]));
    this.#rows = new Map(Array.from(wanted, (sample, row) => [sample, row]));
  }

  #forget(): void {
    this.#images?.release();
    this.#images = null;
    this.#rows = new Map();
  }
}
