/** Folders as zip archives, which are made while they are read: no second copy is on the disk, and no file is in memory as a whole. */
import { createReadStream, readdirSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createDeflateRaw } from "node:zlib";
import { InputError } from "../contract/failure";
import { crc32 } from "./crc32";
import { DATE, DEFLATED, endOfArchive, MADE_ON_UNIX, MODE, u16, u32, VERSION } from "./write-zip";

/** Bytes and files of an archive without zip64, which not every program reads. Deflating makes what cannot be packed a little larger. */
const MOST_BYTES = 4_000_000_000;
const MOST_FILES = 0xffff;
/** Names are UTF-8, and sizes and checksum follow the content. */
const FLAGS = 0x808;
/** Weights hardly pack, and tables pack well at any level. */
const LEVEL = 1;

/**
 * The files below a folder, by their paths in it, sorted. Links and hidden files are left out, and files whose name is in `without`. Throws an InputError
 * if they are too many or too large for an archive.
 */
export function filesToZip(folder: string, without: readonly string[] = []): string[] {
  const files = filesBelow(folder, "", without);
  const bytes = files.reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);
  if (bytes <= MOST_BYTES && files.length <= MOST_FILES) return files;
  const what = bytes > MOST_BYTES ? `${(bytes / 1e9).toFixed(1)} GB` : `${files.length} files`;
  throw new InputError(
    `${folder} has ${what}, and a zip archive takes ${MOST_BYTES / 1e9} GB and ${MOST_FILES} files at most: copy it as it is, as with rsync.`,
  );
}

function filesBelow(folder: string, below: string, without: readonly string[]): string[] {
  const entries = readdirSync(join(folder, below), { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  return entries.flatMap((entry) => {
    if (entry.name.startsWith(".") || without.includes(entry.name)) return [];
    const file = `${below}${entry.name}`;
    return entry.isDirectory() ? filesBelow(folder, `${file}/`, without) : entry.isFile() ? [file] : [];
  });
}

/** The archive, piece by piece; what is in it lies in a folder of the same name. Rejects if a file cannot be read any more. */
export async function* zipOfFolder(folder: string, files: readonly string[]): AsyncGenerator<Uint8Array, void> {
  const list: Buffer[] = [];
  let position = 0;
  for (const file of files) {
    const name = Buffer.from(`${basename(folder)}/${file}`);
    const before = [VERSION, FLAGS, DEFLATED, ...timeOf(statSync(join(folder, file)).mtime)].map(u16);
    const header = Buffer.concat([u32(0x04034b50), ...before, ...[0, 0, 0].map(u32), u16(name.length), u16(0), name]);
    yield header;
    const facts = yield* deflated(join(folder, file));
    const sums = [facts.checksum, facts.packed, facts.size].map(u32);
    yield Buffer.concat([u32(0x08074b50), ...sums]);
    list.push(
      Buffer.concat([u32(0x02014b50), u16(MADE_ON_UNIX), ...before, ...sums, u16(name.length), ...[0, 0, 0, 0].map(u16), u32(MODE), u32(position), name]),
    );
    position += header.length + facts.packed + 16;
  }
  yield Buffer.concat([...list, endOfArchive(list, position)]);
}

/** Local time in steps of two seconds, and the date, as zip has them. */
function timeOf(date: Date): [time: number, date: number] {
  if (date.getFullYear() < 1980) return [0, DATE];
  const time = (date.getHours() << 11) | (date.getMinutes() << 5) | (date.getSeconds() >> 1);
  return [time, (Math.min(127, date.getFullYear() - 1980) << 9) | ((date.getMonth() + 1) << 5) | date.getDate()];
}

/** A file as it is deflated; returns what is known of it afterwards. */
async function* deflated(file: string): AsyncGenerator<Uint8Array, { checksum: number; packed: number; size: number }> {
  const facts = { checksum: 0, packed: 0, size: 0 };
  const deflate = createDeflateRaw({ level: LEVEL });
  const read = pipeline(
    createReadStream(file),
    async function* (pieces: AsyncIterable<Uint8Array>) {
      for await (const piece of pieces) {
        facts.checksum = crc32(piece, facts.checksum);
        facts.size += piece.length;
        yield piece;
      }
    },
    deflate,
  );
  // Reading `deflate` fails, too, and says why.
  read.catch(() => {});
  for await (const piece of deflate) {
    facts.packed += piece.length;
    yield piece;
  }
  return facts;
}
