import { promisify } from "node:util";
import { deflateRaw } from "node:zlib";
import { type Entry, writeZip } from "../disk/write-zip";

const deflate = promisify(deflateRaw);

/** A zip archive in memory, packed on all processors and for speed. Equal contents make equal archives. */
export async function zipOf(entries: readonly Omit<Entry, "packed">[]): Promise<Buffer> {
  const packed = await Promise.all(entries.map(async (entry) => ({ ...entry, packed: (await deflate(entry.bytes, { level: 1 })) as Buffer })));
  const parts: Uint8Array[] = [];
  writeZip({ write: (bytes) => parts.push(bytes) }, packed);
  return Buffer.concat(parts);
}
