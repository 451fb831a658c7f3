/** Zip archives, also those of more than 4 GB (zip64). Sizes are those of the list at the end, and nothing larger is ever made. */
import { inflateRawSync } from "node:zlib";
import { crc32 } from "./crc32";
import type { OpenFile } from "./open-file";

interface Entry {
  method: number;
  /** Bytes in the archive, and unpacked. */
  packed: number;
  size: number;
  /** CRC-32 of what is unpacked. */
  checksum: number;
  isEncrypted: boolean;
  /** Of the entry's own header. */
  position: number;
  isLink: boolean;
}

export const CUT_OFF = "it is cut off; copy or download it again";

/** Of the list at the end: 300,000 entries with usual names. */
const LONGEST_LIST = 32_000_000;
/** What follows the list, with the longest comment. */
const LONGEST_END = 65_557;
const [STORED, DEFLATED] = [0, 8];
/** Of the flags. */
const ENCRYPTED = 1;
const [FILE_KIND, LINK] = [0o170000, 0o120000];
/** A size that is in a field of 64 bits instead. */
const ELSEWHERE = 0xffffffff;

export class ZipFile {
  readonly #entries: ReadonlyMap<string, Entry>;

  /** Reads the list of entries. Here and later, throws what `refused` makes of the reason if the file is no whole zip archive. */
  constructor(
    private readonly file: OpenFile,
    private readonly refused: (why: string) => Error,
  ) {
    this.#entries = this.#readList();
  }

  get names(): string[] {
    return [...this.#entries.keys()];
  }

  /** Bytes of an entry, unpacked; null if there is none of that name. */
  sizeOf(name: string): number | null {
    return this.#entries.get(name)?.size ?? null;
  }

  /** Whether an entry is a symbolic link, whose content is where it leads. */
  isLink = (name: string): boolean => this.#entries.get(name)?.isLink ?? false;

  /** Where an entry lies in the archive as it is; null if it is compressed. */
  positionOf(name: string): number | null {
    const entry = this.#entries.get(name);
    return entry?.method === STORED ? this.#contentOf(name, entry) : null;
  }

  /** An entry unpacked. Refused if there is none, or if it has more than `most` bytes. */
  read(name: string, most: number): Uint8Array<ArrayBuffer> {
    const entry = this.#entries.get(name);
    if (!entry) throw this.#damaged(`it lacks ${name}`);
    if (entry.size > most) throw this.#damaged(`${name} would have ${entry.size} bytes, and at most ${most} are expected`);
    if (entry.isEncrypted) throw this.refused(`its entry ${name} is encrypted`);
    if (entry.method !== STORED && entry.method !== DEFLATED) throw this.#damaged(`${name} is compressed in a way that is not known (${entry.method})`);
    const packed = this.#at(this.#contentOf(name, entry), entry.packed);
    return entry.method === STORED ? packed : this.#inflated(name, packed, entry.size);
  }

  /** The same, compared with its checksum, which PyTorch may leave out of its files (torch.serialization.set_crc32_options). */
  readChecked(name: string, most: number): Uint8Array<ArrayBuffer> {
    const bytes = this.read(name, most);
    if (crc32(bytes) !== this.#entries.get(name)!.checksum) throw this.#damaged(`the checksum of its entry ${name} is wrong; copy or download it again`);
    return bytes;
  }

  #inflated(name: string, packed: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
    try {
      const bytes = inflateRawSync(packed, { maxOutputLength: Math.max(size, 1) });
      if (bytes.length === size) return Uint8Array.from(bytes);
    } catch {
      // More than it says is reported like less.
    }
    throw this.#damaged(`${name} does not have the ${size} bytes that its list says`);
  }

  /** Position of an entry's content: its own header may be longer than what the list says of it. */
  #contentOf(name: string, { position, packed, size, method }: Entry): number {
    const header = view(this.#at(position, 30));
    if (header.getUint32(0, true) !== 0x04034b50 || (method === STORED && packed !== size)) throw this.#damaged(`its entry ${name} is damaged`);
    const start = position + 30 + header.getUint16(26, true) + header.getUint16(28, true);
    if (start + packed > this.file.size) throw this.refused(`its entry ${name} ends after the file: ${CUT_OFF}`);
    return start;
  }

  #readList(): Map<string, Entry> {
    const { count, length, position } = this.#readEnd();
    if (length > LONGEST_LIST) throw this.#damaged(`its list of entries has ${length} bytes`);
    const list = Buffer.from(this.#at(position, length).buffer);
    const entries = new Map<string, Entry>();
    let at = 0;
    for (let i = 0; i < count; i++) {
      if (at + 46 > list.length || list.readUInt32LE(at) !== 0x02014b50) throw this.#damaged("its list of entries is damaged");
      const [name, extra, comment] = [list.readUInt16LE(at + 28), list.readUInt16LE(at + 30), list.readUInt16LE(at + 32)];
      const key = list.toString("utf8", at + 46, at + 46 + name);
      if (entries.has(key)) throw this.#damaged(`it has two entries ${key}`);
      entries.set(key, entryAt(list, at, list.subarray(at + 46 + name, at + 46 + name + extra)));
      at += 46 + name + extra + comment;
    }
    return entries;
  }

  /** The record at the end, or its form of 64 bits. */
  #readEnd(): { count: number; length: number; position: number } {
    const { size } = this.file;
    const start = Math.max(0, size - LONGEST_END);
    const tail = Buffer.from(this.#at(start, size - start).buffer);
    const end = tail.lastIndexOf("PK\x05\x06", undefined, "latin1");
    if (end < 0 || end + 22 > tail.length) throw this.refused(CUT_OFF);
    const locator = end - 20;
    if (locator >= 0 && tail.readUInt32LE(locator) === 0x07064b50) {
      const record = view(this.#at(Number(tail.readBigUInt64LE(locator + 8)), 56));
      const number = (offset: number) => Number(record.getBigUint64(offset, true));
      return { count: number(32), length: number(40), position: number(48) };
    }
    return { count: tail.readUInt16LE(end + 10), length: tail.readUInt32LE(end + 12), position: tail.readUInt32LE(end + 16) };
  }

  #at(position: number, length: number): Uint8Array<ArrayBuffer> {
    if (position + length > this.file.size) throw this.refused(`it has ${this.file.size} bytes, and its list names byte ${position + length}: ${CUT_OFF}`);
    const bytes = new Uint8Array(length);
    if (this.file.read(bytes, position) < length) throw this.refused(CUT_OFF);
    return bytes;
  }

  #damaged(why: string): Error {
    return this.refused(`it is no whole zip archive: ${why}`);
  }
}

function entryAt(list: Buffer, at: number, extra: Buffer): Entry {
  const entry = {
    method: list.readUInt16LE(at + 10),
    isEncrypted: (list.readUInt16LE(at + 8) & ENCRYPTED) !== 0,
    checksum: list.readUInt32LE(at + 16),
    packed: list.readUInt32LE(at + 20),
    size: list.readUInt32LE(at + 24),
    position: list.readUInt32LE(at + 42),
    // The file's mode on Unix is in the upper half of its attributes.
    isLink: ((list.readUInt32LE(at + 38) >>> 16) & FILE_KIND) === LINK,
  };
  // Extra fields: number, length, content. Number 1 has the sizes that do not fit into 32 bits, in this order.
  for (let from = 0; from + 4 <= extra.length; from += 4 + extra.readUInt16LE(from + 2)) {
    if (extra.readUInt16LE(from) !== 1) continue;
    let next = from + 4;
    for (const key of ["size", "packed", "position"] as const) {
      if (entry[key] !== ELSEWHERE || next + 8 > extra.length) continue;
      entry[key] = Number(extra.readBigUInt64LE(next));
      next += 8;
    }
  }
  return entry;
}

const view = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
