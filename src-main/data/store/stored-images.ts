import type { Hash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { InputError } from "../../contract/failure";
import { systemPath } from "../folder/names";
import { allOf, type ImageSource } from "../image-source";
import { checkStop, stopPoint, unlessStopped } from "../stop";
import { UnreadableImages } from "../unreadable";
import type { FileTable } from "./file-table";
import type { Kept } from "./kept";

export interface StoredImagesOptions {
  /** Holds the files. */
  folder: string;
  files: FileTable;
  /** How many of the files, the first ones, are wanted now. */
  wanted: number;
  /** Bytes of a decoded image. */
  bytes: number;
  /** Where decoded images are kept. */
  kept: Kept;
  /** Decodes the image of a file. Throws an InputError that names it if that is not possible. */
  decode(path: string, signal?: AbortSignal): Promise<Uint8Array>;
  /** Told what the user should know, in words. */
  onNote(text: string): void;
  /** Files that are decoded at the same time. */
  atOnce: number;
  signal?: AbortSignal;
}

/** Between pauses, which let messages in, so many bytes are read. */
const PAUSE_EVERY = 16e6;
/** Files of which the content is part of what identifies them all. */
const HASHED_FILES = 1000;

/** The images of files, each decoded when it is first needed, and kept from then on, from one start to the next. */
export class StoredImages implements ImageSource {
  readonly #options: StoredImagesOptions;
  /** Being decoded, by number. */
  readonly #running = new Map<number, Promise<Uint8Array>>();
  #waiting: number[] = [];
  #isReleased = false;

  constructor(options: StoredImagesOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#options.files.count;
  }

  async read(numbers: Int32Array, to: Uint8Array): Promise<void> {
    const { bytes } = this.#options;
    const unreadable = new UnreadableImages();
    const place = (i: number) => to.subarray(i * bytes, (i + 1) * bytes);
    await this.readable(numbers, place, unreadable);
    if (unreadable.errors.length > 0) await this.#tellAll();
    unreadable.settle(numbers.length, false);
  }

  /** Throws an InputError that names all files that cannot be read: to mend one at each start would be tedious. */
  async #tellAll(): Promise<void> {
    const { bytes, wanted, onNote } = this.#options;
    onNote("an image cannot be read: all others that are wanted are decoded now, so that every such file is named");
    const unreadable = new UnreadableImages();
    const scratch = new Uint8Array(bytes);
    await this.readable(allOf(wanted), () => scratch, unreadable);
    unreadable.settle(wanted, false);
  }

  /** Reads those that can be read, the i-th to `place(i)`, and gathers the others. Returns the numbers of those that were read, in order. */
  async readable(numbers: Int32Array, place: (i: number) => Uint8Array, unreadable: UnreadableImages, onRead = () => {}): Promise<Int32Array> {
    const { bytes, files, signal, kept, atOnce } = this.#options;
    const missing: number[] = [];
    checkStop(signal);
    for (const [i, n] of numbers.entries()) {
      if (kept.read(n, place(i))) onRead();
      else missing.push(i);
      if ((i + 1) % Math.ceil(PAUSE_EVERY / bytes) === 0) await stopPoint(signal);
    }
    const lost = new Set<number>();
    await eachOf(missing, atOnce, async (i) => {
      const n = numbers[i]!;
      const pixels = await unreadable.unless(files.path(n), () => unlessStopped(this.#decoded(n), signal));
      if (pixels) place(i).set(pixels);
      else lost.add(i);
      onRead();
    });
    return numbers.filter((_, i) => !lost.has(i));
  }

  expect(numbers: Int32Array): void {
    // The next one stands last.
    this.#waiting = [...numbers].reverse();
    this.#proceed();
  }

  /** By name and size of each file, and by the content of up to a thousand: to read all of a large set would take as long as to decode it. */
  async identify(numbers: Int32Array, hash: Hash): Promise<void> {
    const { files, folder, signal } = this.#options;
    const step = Math.max(1, numbers.length / HASHED_FILES);
    let next = 0;
    for (const [i, n] of numbers.entries()) {
      hash.update(`${JSON.stringify(files.path(n))} ${files.size(n)}\n`);
      if (i % 10_000 === 0) await stopPoint(signal);
      if (i < next) continue;
      next += step;
      hash.update(contentOf(join(folder, files.path(n))));
      await stopPoint(signal);
    }
  }

  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#waiting = [];
    this.#options.kept.close();
  }

  #decoded(n: number): Promise<Uint8Array> {
    const running = this.#running.get(n);
    if (running) return running;
    const decoding = this.#decode(n).finally(() => {
      this.#running.delete(n);
      this.#proceed();
    });
    this.#running.set(n, decoding);
    return decoding;
  }

  async #decode(n: number): Promise<Uint8Array> {
    const { folder, files, decode, signal, kept } = this.#options;
    const path = join(folder, files.path(n));
    const pixels = await decode(path, signal);
    const { size, mtimeMs } = statSync(systemPath(path), { throwIfNoEntry: false }) ?? { size: -1, mtimeMs: -1 };
    if (size !== files.size(n) || mtimeMs !== files.time(n))
      throw new InputError(`${path} was changed while this run used it: let nothing write to the images, and start again`);
    if (!this.#isReleased) kept.write(n, pixels);
    return pixels;
  }

  #proceed(): void {
    const { atOnce, kept } = this.#options;
    while (!this.#isReleased && this.#running.size < atOnce && this.#waiting.length > 0) {
      const n = this.#waiting.pop()!;
      // What goes wrong is reported when the image is needed.
      if (!kept.has(n)) this.#decoded(n).catch(() => {});
    }
  }
}

/** Nothing, if it cannot be read: that is reported when the image is needed. */
function contentOf(path: string): Uint8Array {
  try {
    return readFileSync(systemPath(path));
  } catch {
    return new Uint8Array();
  }
}

/** Runs `work` on all, so many at once. */
async function eachOf(items: readonly number[], atOnce: number, work: (item: number) => Promise<void>): Promise<void> {
  const rest = items.values();
  const loop = async () => {
    for (const item of rest) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, loop));
}
