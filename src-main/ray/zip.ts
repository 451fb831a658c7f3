import { promisify } from "node:util";
import { deflateRaw, crc32 as zlibCrc32 } from "node:zlib";

const deflate = promisify(deflateRaw);

/** Where a file lies in an archive, and its bytes. */
export interface Entry {
  name: string;
  bytes: Buffer;
}

/** 1980-01-01, the first date that zip has: equal contents make equal archives. */
const DATE = 0x21;
const VERSION = 20;
/** Names are UTF-8. */
const FLAGS = 0x800;
const DEFLATED = 8;

/** A zip archive, below 4 GB, packed on all processors and for speed. */
export async function zipOf(entries: readonly Entry[]): Promise<Buffer> {
  const packed = await Promise.all(entries.map(async ({ bytes }) => (await deflate(bytes, { level: 1 })) as Buffer));
  const parts: Buffer[] = [];
  const list: Buffer[] = [];
  let position = 0;
  for (const [i, { name, bytes }] of entries.entries()) {
    const data = packed[i]!;
    const path = Buffer.from(name);
    const facts = factsOf(bytes, data, path);
    const local = Buffer.concat([u32(0x04034b50), u16(VERSION), facts, u16(0), path]);
    list.push(Buffer.concat([u32(0x02014b50), u16(VERSION), u16(VERSION), facts, u16(0), u16(0), u16(0), u16(0), u32(0), u32(position), path]));
    parts.push(local, data);
    position += local.length + data.length;
  }
  const directory = Buffer.concat(list);
  const count = u16(entries.length);
  const end = Buffer.concat([u32(0x06054b50), u16(0), u16(0), count, count, u32(directory.length), u32(position), u16(0)]);
  return Buffer.concat([...parts, directory, end]);
}

/** What both headers of a file say: from flags to the length of its name. */
function factsOf(bytes: Buffer, data: Buffer, path: Buffer): Buffer {
  return Buffer.concat([u16(FLAGS), u16(DEFLATED), u16(0), u16(DATE), u32(crc32(bytes)), u32(data.length), u32(bytes.length), u16(path.length)]);
}

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ 0xedb88320 : rest >>> 1;
  return rest >>> 0;
});

/** Node has it from 20.15 on. */
function crc32(bytes: Buffer): number {
  if (zlibCrc32 !== undefined) return zlibCrc32(bytes);
  let crc = 0xffffffff;
  for (const byte of bytes) crc = TABLE[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}
