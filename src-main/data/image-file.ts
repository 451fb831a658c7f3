import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { isEscaped, systemPath } from "./folder/names";
import { type FileKind, isPicture, isRead, KIND_BYTES, kindNames, kindOf, readInWords } from "./image-kind";
import { isFirstPageReduced } from "./reduced-page";

/** A file, or its encoded bytes with a name for messages. */
export interface ImageFile {
  path: string;
  bytes?: Uint8Array;
}

/** Why a file cannot be read as an image, in words of this program that follow "it". */
export class Unusable extends Error {}

/** Longer files are refused: encoded, no image of those that are read needs so many bytes. */
const MAX_BYTES = 512e6;

/** The encoded bytes of an image of a kind that is read. Throws an Unusable, or an error of the system. */
export async function readImageFile({ path, bytes }: ImageFile): Promise<Uint8Array> {
  const whole = bytes ?? (await readFile(path, MAX_BYTES));
  if (expectRead(whole) === "tiff" && isFirstPageReduced(whole))
    throw new Unusable(
      "its first page is a small version of another, as in raw photos of cameras, which this program does not read: convert it to JPEG or PNG",
    );
  return whole;
}

/** What the header can be read from: the path, so that not all of a large file has to be, unless the image library could not find it. Throws as above. */
export async function headerSource(file: ImageFile): Promise<Uint8Array | string> {
  if (file.bytes || isEscaped(file.path)) return readImageFile(file);
  // What a TIFF holds is told by a table that may lie anywhere in it.
  return expectRead(await readFile(file.path, KIND_BYTES)) === "tiff" ? readImageFile(file) : file.path;
}

function expectRead(beginning: Uint8Array): FileKind {
  if (beginning.length === 0) throw new Unusable("it is empty");
  const kind = kindOf(beginning);
  if (kind === null || !isRead(kind)) throw new Unusable(reasonOfKind(kind, beginning));
  return kind;
}

/** The first `most` bytes. */
async function readFile(path: string, most: number): Promise<Uint8Array> {
  const file = await open(systemPath(path), constants.O_RDONLY | NO_WAIT);
  try {
    const length = Math.min(most, await lengthOf(file));
    const bytes = Buffer.allocUnsafeSlow(length);
    const { bytesRead } = await file.read(bytes, 0, length, 0);
    return bytesRead === length ? bytes : await readOn(file, bytes, bytesRead);
  } finally {
    await file.close();
  }
}

/** Opening a pipe that nobody writes to would wait for ever. Windows has no such flag, and no such files. */
const NO_WAIT = constants.O_NONBLOCK ?? 0;

async function lengthOf(file: FileHandle): Promise<number> {
  const stats = await file.stat();
  if (stats.isDirectory()) throw new Unusable("it is a folder: name its files, or use evaluate --data, which takes folders");
  if (!stats.isFile()) throw new Unusable("it is a pipe or a device");
  if (stats.size > MAX_BYTES) throw new Unusable(`it has ${Math.round(stats.size / 1e6)} MB; at most ${MAX_BYTES / 1e6} MB are read`);
  return stats.size;
}

/** What a first read left; file systems on networks may give less than was asked for, and a file may have become shorter. */
async function readOn(file: FileHandle, bytes: Buffer, read: number): Promise<Buffer> {
  for (let at = read; ; ) {
    const { bytesRead } = await file.read(bytes, at, bytes.length - at, at);
    at += bytesRead;
    if (bytesRead === 0 || at === bytes.length) return bytes.subarray(0, at);
  }
}

function reasonOfKind(kind: FileKind | null, bytes: Uint8Array): string {
  if (kind === "git-lfs") return "it is a Git LFS pointer in place of the picture: fetch it (git lfs pull)";
  if (isPicture(kind)) return `it is ${kindNames[kind!]}, which this program does not read: convert it to JPEG or PNG`;
  const what = kind ? kindNames[kind] : isText(bytes) ? "a text file" : null;
  if (what) return `it is ${what}, not an image`;
  return `by its content it is no ${readInWords}`;
}

/** So many bytes tell a text. */
const LOOKED_AT = 512;

/** Whether it begins with nothing but characters that texts have. */
function isText(bytes: Uint8Array): boolean {
  return bytes.subarray(0, LOOKED_AT).every((byte) => byte >= 0x20 || (byte >= 9 && byte <= 13));
}
