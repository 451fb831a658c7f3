import type { Hash } from "node:crypto";

/** Decoded images [H,W,3] of one size, by number, that are read when they are needed. */
export interface ImageSource {
  readonly count: number;
  /** Fills `to` [numbers.length,H,W,3]. Throws an InputError that names all files among them that cannot be read, and Interrupted once reading is stopped. */
  read(numbers: Int32Array, to: Uint8Array): Promise<void>;
  /** Begins to decode those of these that have not been, and leaves those of earlier calls that were not begun. */
  expect(numbers: Int32Array): void;
  /** Adds to a hash what tells these images from others, in this order. */
  identify(numbers: Int32Array, hash: Hash): Promise<void>;
  /** May be called more than once. */
  release(): void;
}

/** The pixels of a split, before they are handed to networks: [count,H,W,3] in memory, or to be read. */
export type SplitPixels = Uint8Array | ImageSource;

/** Images in memory. */
class HeldSource implements ImageSource {
  constructor(
    private readonly pixels: Uint8Array,
    private readonly bytes: number,
  ) {}

  get count(): number {
    return this.pixels.length / this.bytes;
  }

  async read(numbers: Int32Array, to: Uint8Array): Promise<void> {
    for (const [i, n] of numbers.entries()) to.set(this.#image(n), i * this.bytes);
  }

  expect(): void {}

  async identify(numbers: Int32Array, hash: Hash): Promise<void> {
    for (const n of numbers) hash.update(this.#image(n));
  }

  release(): void {}

  #image(n: number): Uint8Array {
    return this.pixels.subarray(n * this.bytes, (n + 1) * this.bytes);
  }
}

/** Some images of a source, in an order of their own. */
class ChosenSource implements ImageSource {
  constructor(
    private readonly from: ImageSource,
    private readonly chosen: Int32Array,
  ) {}

  get count(): number {
    return this.chosen.length;
  }

  read(numbers: Int32Array, to: Uint8Array): Promise<void> {
    return this.from.read(this.#of(numbers), to);
  }

  expect(numbers: Int32Array): void {
    this.from.expect(this.#of(numbers));
  }

  identify(numbers: Int32Array, hash: Hash): Promise<void> {
    return this.from.identify(this.#of(numbers), hash);
  }

  release(): void {
    this.from.release();
  }

  #of(numbers: Int32Array): Int32Array {
    return numbers.map((n) => this.chosen[n]!);
  }
}

/** The images of one source, then those of another. */
class JoinedSource implements ImageSource {
  constructor(
    private readonly first: ImageSource,
    private readonly second: ImageSource,
    private readonly bytes: number,
  ) {}

  get count(): number {
    return this.first.count + this.second.count;
  }

  async read(numbers: Int32Array, to: Uint8Array): Promise<void> {
    for (const [source, own, places] of this.#parts(numbers)) {
      const part = new Uint8Array(own.length * this.bytes);
      await source.read(own, part);
      for (const [i, place] of places.entries()) to.set(part.subarray(i * this.bytes, (i + 1) * this.bytes), place * this.bytes);
    }
  }

  expect(numbers: Int32Array): void {
    for (const [source, own] of this.#parts(numbers)) source.expect(own);
  }

  async identify(numbers: Int32Array, hash: Hash): Promise<void> {
    for (const [source, own] of this.#parts(numbers)) await source.identify(own, hash);
  }

  release(): void {
    this.first.release();
    this.second.release();
  }

  /** For each source its numbers among these, and where they stand. */
  #parts(numbers: Int32Array): [source: ImageSource, own: Int32Array, places: number[]][] {
    const boundary = this.first.count;
    const places = [...numbers.keys()];
    const [before, after] = [places.filter((i) => numbers[i]! < boundary), places.filter((i) => numbers[i]! >= boundary)];
    return [
      [this.first, Int32Array.from(before, (i) => numbers[i]!), before],
      [this.second, Int32Array.from(after, (i) => numbers[i]! - boundary), after],
    ];
  }
}

export const isHeld = (pixels: SplitPixels): pixels is Uint8Array => pixels instanceof Uint8Array;

export function releasePixels(pixels: SplitPixels): void {
  if (!isHeld(pixels)) pixels.release();
}

/** `bytes` here and below are those of one image. */
export const sourceOf = (pixels: SplitPixels, bytes: number): ImageSource => (isHeld(pixels) ? new HeldSource(pixels, bytes) : pixels);

/** Some of the images. */
export function chosenOf(pixels: SplitPixels, bytes: number, chosen: Int32Array): SplitPixels {
  if (!isHeld(pixels)) return new ChosenSource(pixels, chosen);
  const taken = new Uint8Array(chosen.length * bytes);
  for (const [i, n] of chosen.entries()) taken.set(pixels.subarray(n * bytes, (n + 1) * bytes), i * bytes);
  return taken;
}

/** The images from one number to another; held ones stay where they are. */
export const rangeOf = (pixels: SplitPixels, bytes: number, begin: number, end: number): SplitPixels =>
  isHeld(pixels)
    ? pixels.subarray(begin * bytes, end * bytes)
    : new ChosenSource(
        pixels,
        Int32Array.from({ length: end - begin }, (_, i) => begin + i),
      );

/** Those of one, then those of another. */
export function joinedOf(a: SplitPixels, b: SplitPixels, bytes: number): SplitPixels {
  if (!isHeld(a) || !isHeld(b)) return new JoinedSource(sourceOf(a, bytes), sourceOf(b, bytes), bytes);
  const pixels = new Uint8Array(a.length + b.length);
  pixels.set(a);
  pixels.set(b, a.length);
  return pixels;
}

/** 0 ... count - 1 */
export const allOf = (count: number): Int32Array => Int32Array.from({ length: count }, (_, n) => n);
