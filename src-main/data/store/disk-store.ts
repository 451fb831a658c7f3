import { closeSync, constants, fstatSync, openSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";
import { PIECE } from "../../disk/open-file";
import { backend } from "../../tensor/tensor";

/** Bytes of a checksum. */
const SUM = 8;

/**
 * Images of equal size in two files, each at its number: `pixels`, and `sums` with a checksum for each, 0 where there is none yet. Both are sparse: room
 * that is not filled takes no space.
 *
 * An image counts as present only if its pixels have the checksum, so a file that was cut, damaged or written halfway is noticed whenever it is read.
 * Several processes may fill the same store without a lock: all write the same bytes to the same places.
 *
 * Files are read and not mapped: a full disk or a file that becomes shorter is then an error, where in mapped memory it ends the process.
 */
export class DiskStore {
  readonly #pixels: number;
  readonly #sums: number;
  /** [count], as read at first, and from then on kept up. */
  readonly #known: BigUint64Array;
  #room: number;

  /** `bytes` are those of one image. Throws what the system says if the files cannot be opened. Where they can only be read, nothing is added to them. */
  constructor(
    folder: string,
    readonly count: number,
    readonly bytes: number,
    room: number,
  ) {
    const [pixels, isWritable] = openFor(join(folder, "pixels"));
    this.#pixels = pixels;
    try {
      this.#sums = openFor(join(folder, "sums"))[0];
    } catch (error) {
      closeSync(pixels);
      throw error;
    }
    this.#room = isWritable ? room - this.#taken() : 0;
    this.#known = this.#readSums();
  }

  /** How many images are not there and have no room. */
  get homeless(): number {
    const missing = this.#known.reduce((count, sum) => count + (sum === 0n ? 1 : 0), 0);
    return Math.max(0, missing - Math.floor(this.#room / this.bytes));
  }

  /** Whether an image is there, as far as can be told without reading it. */
  has(n: number): boolean {
    return this.#sumOf(n) !== 0n;
  }

  /** Fills `to` with an image. False if it is not there or was damaged; then `to` has undefined content. */
  read(n: number, to: Uint8Array): boolean {
    const sum = this.#sumOf(n);
    if (sum === 0n) return false;
    if (filled(this.#pixels, to, n * this.bytes) && checksumOf(to) === sum) return true;
    this.#known[n] = 0n;
    return false;
  }

  /** Adds an image; false if there is no room. Throws what the system says, as on a full disk. */
  write(n: number, pixels: Uint8Array): boolean {
    if (this.#room < this.bytes) return false;
    const sum = checksumOf(pixels);
    if (writeSync(this.#pixels, pixels, 0, this.bytes, n * this.bytes) < this.bytes) return false;
    writeSync(this.#sums, new BigUint64Array([sum]), 0, SUM, n * SUM);
    this.#known[n] = sum;
    this.#room -= this.bytes;
    return true;
  }

  close(): void {
    closeSync(this.#pixels);
    closeSync(this.#sums);
  }

  /** Another process may have added it since. */
  #sumOf(n: number): bigint {
    if (this.#known[n] === 0n) readSync(this.#sums, this.#known, n * SUM, SUM, n * SUM);
    return this.#known[n]!;
  }

  #taken(): number {
    const { blocks, size } = fstatSync(this.#pixels);
    return process.platform === "win32" ? size : blocks * 512;
  }

  #readSums(): BigUint64Array {
    const sums = new BigUint64Array(this.count);
    const size = SUM * this.count;
    for (let at = 0; at < size; ) {
      const read = readSync(this.#sums, sums, at, Math.min(PIECE, size - at), at);
      if (read === 0) break;
      at += read;
    }
    return sums;
  }
}

/** A file for reading and writing, made if it is missing, or one for reading alone. */
function openFor(path: string): [file: number, isWritable: boolean] {
  try {
    return [openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600), true];
  } catch (error) {
    try {
      return [openSync(path, "r"), false];
    } catch {
      throw error;
    }
  }
}

function filled(file: number, to: Uint8Array, position: number): boolean {
  let done = 0;
  while (done < to.length) {
    const read = readSync(file, to, done, to.length - done, position + done);
    if (read === 0) return false;
    done += read;
  }
  return true;
}

/** Never 0. */
function checksumOf(pixels: Uint8Array): bigint {
  return BigInt(`0x${backend().checksumOf(pixels)}`) || 1n;
}
