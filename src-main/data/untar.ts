import { createReadStream } from "node:fs";
import { join } from "node:path";
import { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { InputError } from "../contract/failure";
import { OpenFile } from "../disk/open-file";

/**
 * Unpacks the files of one folder of a .tar.gz into an existing, empty folder. The archive may hold only that folder and regular files with
 * plain names directly in it. Anything else (other folders, links, paths that lead out) is refused with an InputError, and so is a truncated
 * archive. Format: POSIX.1-1988 ustar, blocks of 512 bytes.
 */
export async function untar(archive: string, folder: string, into: string): Promise<void> {
  const entries = new Entries(archive, folder, into);
  try {
    const write = new Writable({
      write(chunk: Buffer, _, done) {
        try {
          entries.take(chunk);
          done();
        } catch (error) {
          done(error as Error);
        }
      },
    });
    await pipeline(createReadStream(archive), createGunzip(), write);
    entries.end();
  } catch (cause) {
    if (cause instanceof InputError) throw cause;
    throw new InputError(`${archive} cannot be unpacked: ${(cause as Error).message}`, { cause });
  } finally {
    entries.close();
  }
}

const BLOCK = 512;

/** Takes the archive in chunks of any size and writes its files. */
class Entries {
  /** A header that has arrived in part. */
  #header = Buffer.alloc(0);
  #file: OpenFile | null = null;
  /** Bytes still to come of the current file, and of the zeros that pad its last block. */
  #content = 0;
  #filling = 0;
  #ended = false;

  constructor(
    readonly archive: string,
    readonly folder: string,
    readonly into: string,
  ) {}

  take(chunk: Buffer): void {
    let rest = chunk;
    while (rest.length > 0 && !this.#ended) {
      if (this.#content > 0) rest = this.#takeContent(rest);
      else if (this.#filling > 0) rest = this.#takeFilling(rest);
      else rest = this.#takeHeader(rest);
    }
  }

  end(): void {
    if (!this.#ended) throw new InputError(`${this.archive} ends early: it is truncated; download it again`);
  }

  close(): void {
    this.#file?.close();
    this.#file = null;
  }

  #finish(): void {
    this.#file!.sync();
    this.close();
  }

  #takeContent(bytes: Buffer): Buffer {
    const part = bytes.subarray(0, this.#content);
    this.#file!.write(part);
    this.#content -= part.length;
    if (this.#content === 0) this.#finish();
    return bytes.subarray(part.length);
  }

  #takeFilling(bytes: Buffer): Buffer {
    const skipped = Math.min(this.#filling, bytes.length);
    this.#filling -= skipped;
    return bytes.subarray(skipped);
  }

  #takeHeader(bytes: Buffer): Buffer {
    const missing = BLOCK - this.#header.length;
    this.#header = Buffer.concat([this.#header, bytes.subarray(0, missing)]);
    if (this.#header.length === BLOCK) {
      this.#begin(this.#header);
      this.#header = Buffer.alloc(0);
    }
    return bytes.subarray(missing);
  }

  #begin(header: Buffer): void {
    if (header.every((byte) => byte === 0)) {
      this.#ended = true;
      return;
    }
    const { name, type, size } = this.#parse(header);
    if (type === "5" && name === `${this.folder}/`) return;
    const plain = name.startsWith(`${this.folder}/`) ? /^\w[\w.-]*$/.exec(name.slice(this.folder.length + 1))?.[0] : undefined;
    if (type !== "0" || !plain) throw new InputError(`${this.archive} holds "${name}" (type ${type}): expected plain files in ${this.folder} alone`);
    this.#file = new OpenFile(join(this.into, plain), "wx");
    this.#content = size;
    this.#filling = (BLOCK - (size % BLOCK)) % BLOCK;
    if (size === 0) this.#finish();
  }

  #parse(header: Buffer): { name: string; type: string; size: number } {
    const text = (from: number, to: number) => header.toString("latin1", from, to).split("\0")[0]!;
    const octal = (from: number, to: number) => (/^ *[0-7]+ *$/.test(text(from, to)) ? Number.parseInt(text(from, to), 8) : Number.NaN);
    // The checksum counts its own field as blanks.
    const sum = header.reduce((total, byte, i) => total + (i >= 148 && i < 156 ? 32 : byte), 0);
    if (octal(148, 156) !== sum) throw new InputError(`${this.archive} is damaged: a header's checksum is wrong; download it again`);
    const size = octal(124, 136);
    // Binary sizes, an extension for files beyond 8 GiB, and negative ones among them.
    if (Number.isNaN(size)) throw new InputError(`${this.archive} is damaged, or of another kind: expected sizes in octal digits, got "${text(124, 136)}"`);
    // Early archives mark a regular file with a zero byte.
    return { name: text(0, 100), type: text(156, 157) || "0", size };
  }
}
