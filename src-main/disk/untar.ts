import { createReadStream } from "node:fs";
import { Transform, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { InputError } from "../contract/failure";
import { OpenFile } from "./open-file";

export interface TarEntry {
  /** As the archive has it: it may lead anywhere. */
  name: string;
  kind: "file" | "folder" | "other";
  /** The archive's own word for the kind: "0" file, "1" and "2" links, "5" folder. */
  type: string;
}

/**
 * Reads a tar archive, gzipped or not, from its beginning to its end. `place` is told of each entry, and says to which new file its content goes; null: nowhere. It
 * decides which names and kinds are allowed, and throws for others. Rejects with an InputError where the archive is damaged or truncated. Formats: POSIX.1-1988
 * (ustar), with the long names of POSIX.1-2001 (pax) and of GNU tar; blocks of 512 bytes. `onRead`: how many bytes of the archive are read.
 */
export async function untar(archive: string, place: (entry: TarEntry) => string | null, onRead: (bytes: number) => void = () => {}): Promise<void> {
  const entries = new Entries(archive, place);
  let read = 0;
  const count = new Transform({
    transform(chunk: Buffer, _, done) {
      read += chunk.length;
      onRead(read);
      done(null, chunk);
    },
  });
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
  try {
    const unzip = isGzipped(archive) ? [createGunzip()] : [];
    await pipeline([createReadStream(archive), count, ...unzip, write]);
    entries.end();
  } catch (cause) {
    if (cause instanceof InputError) throw cause;
    if ((cause as NodeJS.ErrnoException).code === "Z_BUF_ERROR") throw new InputError(`${archive} ${TRUNCATED}`, { cause });
    throw new InputError(`${archive} cannot be unpacked: ${(cause as Error).message}`, { cause });
  } finally {
    entries.close();
  }
}

function isGzipped(archive: string): boolean {
  const file = new OpenFile(archive, "r");
  try {
    const start = new Uint8Array(2);
    file.read(start, 0);
    return start[0] === 0x1f && start[1] === 0x8b;
  } finally {
    file.close();
  }
}

const TRUNCATED = "ends early: it is truncated; download it again";
const BLOCK = 512;
/** Of a name that is an entry of its own. */
const LONGEST_NAME = 1 << 20;

/** What an entry says of the one that follows. */
type About = "pax" | "long name" | "nothing";
const ABOUT: Record<string, About | undefined> = { x: "pax", L: "long name", g: "nothing", K: "nothing" };

const KINDS: Record<string, TarEntry["kind"] | undefined> = { "0": "file", "7": "file", "5": "folder" };

/** Takes the archive in chunks of any size and writes its files. */
class Entries {
  /** A header that has arrived in part. */
  #header = Buffer.alloc(0);
  /** Where content goes: a file, what is kept of it, or nowhere. */
  #file: OpenFile | null = null;
  #kept: { about: About; bytes: Buffer[] } | null = null;
  /** Bytes still to come of the current content, and of the zeros that pad its last block. */
  #content = 0;
  #filling = 0;
  /** The name of the next entry, where one before it has it. */
  #name: string | null = null;
  #ended = false;

  constructor(
    readonly archive: string,
    readonly place: (entry: TarEntry) => string | null,
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
    if (!this.#ended) throw new InputError(`${this.archive} ${TRUNCATED}`);
  }

  close(): void {
    this.#file?.close();
    this.#file = null;
  }

  #finish(): void {
    this.close();
    if (this.#kept) this.#name = this.#nameIn(this.#kept.about, Buffer.concat(this.#kept.bytes)) ?? this.#name;
    this.#kept = null;
  }

  #takeContent(bytes: Buffer): Buffer {
    const part = bytes.subarray(0, this.#content);
    this.#file?.write(part);
    this.#kept?.bytes.push(part);
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
    const about = ABOUT[type];
    if (about) {
      if (size > LONGEST_NAME) throw new InputError(`${this.archive} is damaged: a name in it would have ${size} bytes`);
      this.#kept = { about, bytes: [] };
    } else {
      const to = this.place({ name: this.#name ?? name, kind: KINDS[type] ?? "other", type });
      this.#name = null;
      this.#file = to === null ? null : new OpenFile(to, "wx");
    }
    this.#content = size;
    this.#filling = (BLOCK - (size % BLOCK)) % BLOCK;
    if (size === 0) this.#finish();
  }

  /** null if it says none. */
  #nameIn(about: About, bytes: Buffer): string | null {
    if (about === "long name") return bytes.toString("utf8").split("\0")[0]!;
    if (about === "nothing") return null;
    // Records "LENGTH KEY=VALUE\n", whose length counts all of it, in bytes.
    for (let at = 0; at < bytes.length; ) {
      const [digits] = /^\d+(?= )/.exec(bytes.toString("latin1", at, at + 20)) ?? [];
      const length = Number(digits);
      if (digits === undefined || length <= digits.length || at + length > bytes.length)
        throw new InputError(`${this.archive} is damaged: what it says of a name cannot be read; download it again`);
      const record = bytes.toString("utf8", at + digits.length + 1, at + length - 1);
      if (record.startsWith("path=")) return record.slice("path=".length);
      at += length;
    }
    return null;
  }

  #parse(header: Buffer): { name: string; type: string; size: number } {
    const text = (from: number, to: number, as: "latin1" | "utf8" = "latin1") => header.toString(as, from, to).split("\0")[0]!;
    const octal = (from: number, to: number) => (/^ *[0-7]+ *$/.test(text(from, to)) ? Number.parseInt(text(from, to), 8) : Number.NaN);
    // The checksum counts its own field as blanks.
    const sum = header.reduce((total, byte, i) => total + (i >= 148 && i < 156 ? 32 : byte), 0);
    if (octal(148, 156) !== sum) throw new InputError(`${this.archive} is damaged, or no tar archive: a header's checksum is wrong; download it again`);
    const size = octal(124, 136);
    // Binary sizes, an extension for files beyond 8 GiB, and negative ones among them.
    if (Number.isNaN(size)) throw new InputError(`${this.archive} is damaged, or of another kind: expected sizes in octal digits, got "${text(124, 136)}"`);
    // GNU tar has other things than the beginning of a name there.
    const prefix = header.toString("latin1", 257, 263) === "ustar\0" ? text(345, 500, "utf8") : "";
    // Early archives mark a regular file with a zero byte.
    return { name: `${prefix && `${prefix}/`}${text(0, 100, "utf8")}`, type: text(156, 157) || "0", size };
  }
}
