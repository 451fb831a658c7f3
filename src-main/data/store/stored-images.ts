import type { Hash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { InputError } from "../../contract/failure";
import type { ImageSource } from "../image-source";
import { checkStop, stopPoint, unlessStopped } from "../stop";
import type { FileTable } from "./file-table";
import type { Kept } from "./kept";

export interface StoredImagesOptions {
  /** Holds the files. */
  folder: string;
  files: FileTable;
  /** Bytes of a decoded image. */
  bytes: number;
  /** Where decoded images are kept. */
  kept: Kept;
  /** Decodes the image of a file. Throws an InputError that names it if that is not possible. */
  decode(path: string, signal?: AbortSignal): Promise<Uint8Array>;
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
    await this.readTelling(numbers, to, () => {});
  }

  /** As `read`; tells how many of them there are so far. */
  async readTelling(numbers: Int32Array, to: Uint8Array, onProgress: (done: number) => void): Promise<void> {
    const { bytes, signal, kept, atOnce } = this.#options;
    const place = (i: number) => to.subarray(i * bytes, (i + 1) * bytes);
    const missing: number[] = [];
    checkStop(signal);
    let done = 0;
    for (const [i, n] of numbers.entries()) {
      if (kept.read(n, place(i))) onProgress(++done);
      else missing.push(i);
      if ((i + 1) % Math.ceil(PAUSE_EVERY / bytes) === 0) await stopPoint(signal);
    }
    const broken = await eachOf(missing, atOnce, async (i) => {
      place(i).set(await unlessStopped(this.#decoded(numbers[i]!), signal));
      onProgress(++done);
    });
    if (broken.length > 0) throw unreadable(broken);
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
    const { size, mtimeMs } = statSync(path, { throwIfNoEntry: false }) ?? { size: -1, mtimeMs: -1 };
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
    return readFileSync(path);
  } catch {
    return new Uint8Array();
  }
}

/** Runs `work` on all, so many at once. InputErrors do not end it, and are returned. */
async function eachOf(items: readonly number[], atOnce: number, work: (item: number) => Promise<void>): Promise<InputError[]> {
  const broken: InputError[] = [];
  const rest = items.values();
  const loop = async () => {
    for (const item of rest) {
      try {
        await work(item);
      } catch (error) {
        if (!(error instanceof InputError)) throw error;
        broken.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, loop));
  return broken;
}

/** So many files are named. */
const NAMED = 100;

function unreadable(errors: readonly InputError[]): InputError {
  if (errors.length === 1) return errors[0]!;
  const messages = errors.map(({ message }) => message).sort();
  const more = messages.length > NAMED ? [`and ${messages.length - NAMED} more`] : [];
  return new InputError([`${messages.length} images cannot be read:`, ...messages.slice(0, NAMED), ...more]);
}
