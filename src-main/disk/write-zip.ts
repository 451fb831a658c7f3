/** Zip archives of less than 4 GB. */
import { crc32 } from "./crc32";

export interface Entry {
  name: string;
  bytes: Uint8Array;
  /** The bytes, deflated. Without, they are stored as they are. */
  packed?: Uint8Array;
}

/** Entries begin at multiples of so many bytes, so that a reader may map stored ones into memory: as torch.save does. */
const ALIGNMENT = 64;
const LOCAL_HEADER = 30;
/** Of an extra field that only fills space. */
const PADDING = 0x4246;
export const VERSION = 20;
/** Made on Unix, as zip numbers systems: unzip takes the names of others for those of code pages. Files may be read and written by their owner, and read by all. */
export const MADE_ON_UNIX = (3 << 8) | VERSION;
export const MODE = (0o100644 << 16) >>> 0;
/** Names are UTF-8. */
const FLAGS = 0x800;
const STORED = 0;
export const DEFLATED = 8;
/** 1980-01-01, the first date that zip has: equal contents make equal archives. */
export const DATE = 0x21;

/** Writes the entries one after the other, then their list. */
export function writeZip(out: { write(bytes: Uint8Array): void }, entries: Iterable<Entry>): void {
  const list: Buffer[] = [];
  let position = 0;
  for (const { name, bytes, packed } of entries) {
    const encoded = Buffer.from(name);
    const content = packed ?? bytes;
    const padding = paddingAfter(position + LOCAL_HEADER + encoded.length);
    // From the version that is needed to the length of the name
    const facts = Buffer.concat([
      ...[VERSION, FLAGS, packed ? DEFLATED : STORED, 0, DATE].map(u16),
      ...[crc32(bytes), content.length, bytes.length].map(u32),
      u16(encoded.length),
    ]);
    const header = Buffer.concat([u32(0x04034b50), facts, u16(padding.length), encoded, padding]);
    list.push(Buffer.concat([u32(0x02014b50), u16(MADE_ON_UNIX), facts, ...[0, 0, 0, 0].map(u16), u32(MODE), u32(position), encoded]));
    out.write(header);
    out.write(content);
    position += header.length + content.length;
  }
  out.write(Buffer.concat(list));
  out.write(endOfArchive(list, position));
}

/** What follows the list of entries, which begins at a position. */
export function endOfArchive(list: readonly Buffer[], position: number): Buffer {
  const bytes = list.reduce((sum, { length }) => sum + length, 0);
  return Buffer.concat([u32(0x06054b50), ...[0, 0, list.length, list.length].map(u16), u32(bytes), u32(position), u16(0)]);
}

/** An extra field, of at least its own four bytes, after which an entry begins at a multiple. */
function paddingAfter(position: number): Buffer {
  const padding = Buffer.alloc(4 + ((ALIGNMENT - ((position + 4) % ALIGNMENT)) % ALIGNMENT));
  padding.writeUInt16LE(PADDING);
  padding.writeUInt16LE(padding.length - 4, 2);
  return padding;
}

export function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
