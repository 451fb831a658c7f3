import { nameOf, systemPath } from "../folder/names";

const FIRST_FILES = 1024;

/** Files by number: their paths, relative to one folder, in one array of bytes, as a million strings would take several times as much. */
export class FileTable {
  #names = new Uint8Array(64 * FIRST_FILES);
  /** Where each name ends. */
  #ends = new Float64Array(FIRST_FILES);
  #sizes = new Float64Array(FIRST_FILES);
  #times = new Float64Array(FIRST_FILES);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** Adds a file with its size in bytes and the time of its last change in milliseconds. */
  add(path: string, size: number, time: number): void {
    const [n, begin] = [this.#count++, this.#end(this.#count - 2)];
    // Three bytes are the most that a character of a JavaScript string takes.
    if (begin + 3 * path.length > this.#names.length) {
      const names = this.#names;
      this.#names = new Uint8Array(2 * names.length + 3 * path.length);
      this.#names.set(names);
    }
    if (n === this.#ends.length) [this.#ends, this.#sizes, this.#times] = [doubled(this.#ends), doubled(this.#sizes), doubled(this.#times)];
    this.#ends[n] = begin + bytesInto(this.#names.subarray(begin), systemPath(path));
    this.#sizes[n] = size;
    this.#times[n] = time;
  }

  path(n: number): string {
    const begin = this.#end(n - 1);
    return nameOf(Buffer.from(this.#names.buffer, begin, this.#end(n) - begin));
  }

  size(n: number): number {
    return this.#sizes[n]!;
  }

  time(n: number): number {
    return this.#times[n]!;
  }

  /** All that is known of all files. */
  *content(): Iterable<Uint8Array> {
    yield this.#names.subarray(0, this.#end(this.#count - 1));
    for (const values of [this.#ends, this.#sizes, this.#times]) yield new Uint8Array(values.buffer, 0, 8 * this.#count);
  }

  #end(n: number): number {
    return n < 0 ? 0 : this.#ends[n]!;
  }
}

const encoder = new TextEncoder();

/** Writes a path as the system has it, and returns the number of bytes. */
function bytesInto(to: Uint8Array, path: string | Buffer): number {
  if (typeof path === "string") return encoder.encodeInto(path, to).written;
  to.set(path);
  return path.length;
}

function doubled(values: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
  const longer = new Float64Array(2 * values.length);
  longer.set(values);
  return longer;
}
