import { access, constants, stat } from "node:fs/promises";
import { availableParallelism } from "node:os";
import sharp, { type Metadata, type Sharp } from "sharp";
import { InputError, Interrupted } from "../contract/failure";
import { backend } from "../tensor/tensor";
import type { Pixels } from "./dataset";
import { checkStop, unlessStopped } from "./stop";

/** Extensions of files that are read as images. */
export const IMAGE_FILE = /\.(png|jpe?g|webp)$/i;

/** Larger images are refused: they would need 300 MB or more each. */
const MAX_PIXELS = 100e6;
/** Of a side in pixels. */
const MAX_SIDE = 16_384;
/** Enough for the largest image on a slow machine. */
const SECONDS = 60;

/** Reading so many at once keeps every processor busy, each with an image of its own: the program's start gives Node's pool as many threads. */
export const DECODED_AT_ONCE = availableParallelism() + 2;

// Several images are decoded at once instead, and none twice.
sharp.concurrency(1);
sharp.cache(false);

// The library tells formats by content, and some of the many that it reads are programs in themselves (SVG).
sharp.block({ operation: ["VipsForeignLoad"] });
sharp.unblock({ operation: ["VipsForeignLoadJpeg", "VipsForeignLoadPng", "VipsForeignLoadWebp"] });

/** A file, or its encoded bytes with a name for messages. */
export interface ImageFile {
  path: string;
  bytes?: Uint8Array;
}

export interface ReadingOptions {
  /** Makes reading reject at once with Interrupted. */
  signal?: AbortSignal;
  /** After which it is given up. */
  seconds?: number;
}

/** Decodes an image as a viewer would show it: rotated by its EXIF orientation, converted to sRGB, transparency on white. Throws an InputError that names the file. */
export async function decode(file: ImageFile, options?: ReadingOptions): Promise<Pixels> {
  return reading(file, options, async (image) => {
    const upright = image().autoOrient().flatten({ background: "#ffffff" }).toColourspace("srgb");
    const { data, info } = await upright.raw().toBuffer({ resolveWithObject: true });
    return { data, H: info.height, W: info.width };
  });
}

/**
 * u8 [side,side,3] of what `decode` gives: the shorter side resized to `side`, then the middle, as `fitSquare` does. Every network's input starts from
 * it, in training, evaluation and prediction. Throws an InputError that names the file.
 */
export async function decodeSquare(file: ImageFile, side: number, options?: ReadingOptions): Promise<Uint8Array> {
  return fitSquare(await decode(file, options), side);
}

/** Width and height that `decode` would give, read from the file's header only. */
export async function imageSize(file: ImageFile, options?: ReadingOptions): Promise<{ width: number; height: number }> {
  return reading(file, options, async (_, { autoOrient }) => autoOrient);
}

/** A small PNG for display: shorter side and centre crop to `side`, never enlarged. */
export async function thumbnail(file: ImageFile, side: number, options?: ReadingOptions): Promise<Uint8Array> {
  const fit = { width: side, height: side, fit: "cover", withoutEnlargement: true } as const;
  return reading(file, options, (image) => image().autoOrient().resize(fit).png().toBuffer());
}

/** PNG of pixels [H,W,3]. */
export async function encodePng({ data, H, W }: Pixels): Promise<Uint8Array> {
  return sharp(data, { raw: { width: W, height: H, channels: 3 } })
    .png()
    .toBuffer();
}

/** u8 [side,side,3], to the bit what torchvision's Resize(side) and CenterCrop(side) make of these pixels as an image of Pillow. Computed in another thread. */
export async function fitSquare({ data, H, W }: Pixels, side: number): Promise<Uint8Array> {
  return H === side && W === side ? data : backend().fitImage(data, { H, W, height: H, width: W, rows: H, columns: W, side });
}

/** Opens an image, checks its header and passes it on; an InputError, whatever fails, names the file. */
async function reading<T>(
  file: ImageFile,
  { signal, seconds = SECONDS }: ReadingOptions = {},
  read: (image: () => Sharp, header: Metadata) => Promise<T>,
): Promise<T> {
  const { path, bytes } = file;
  const image = () => sharp(bytes ?? path, { failOn: "error", limitInputPixels: MAX_PIXELS }).timeout({ seconds: Math.ceil(seconds) });
  const work = async () => {
    // A pipe or a device might never end.
    if (bytes ? bytes.length === 0 : await isEmptyFile(path)) throw new Unusable("it is empty");
    const header = await image().metadata();
    expectSides(header);
    return read(image, header);
  };
  checkStop(signal);
  try {
    return await unlessStopped(within(seconds, work()), signal);
  } catch (cause) {
    if (cause instanceof Interrupted) throw cause;
    throw new InputError(`${path} cannot be read as an image: ${reasonOf(cause as Error)}`, { cause });
  }
}

/** Throws if it is no file, or one that may not be read. */
async function isEmptyFile(path: string): Promise<boolean> {
  const stats = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") throw new Unusable("it is missing");
    throw error;
  });
  if (!stats.isFile()) throw new Unusable("it is a folder or a device");
  await access(path, constants.R_OK);
  return stats.size === 0;
}

function expectSides({ width, height }: Metadata): void {
  if (Math.max(width, height) > MAX_SIDE) throw new Unusable(`it has ${width}x${height} pixels; at most ${MAX_SIDE} a side are read`);
}

/** A reason in words of this program. */
class Unusable extends Error {}

const REFUSED = "this program may not read it; change its permissions";
const DAMAGED = "it is cut off or damaged; replace it, or remove it from the folder";

/** Codes and texts of the system and of the image library, in words. */
const REASONS: readonly [text: RegExp, reason: string][] = [
  [/EACCES|EPERM/, REFUSED],
  [/unsupported image format/, "by its content it is no JPEG, PNG or WebP; convert it, or remove it from the folder"],
  [/pixel limit/, `it has more than ${MAX_PIXELS / 1e6} million pixels; make it smaller`],
  [/corrupt header|premature end|read error|unable to parse/i, DAMAGED],
];

function reasonOf(error: Error): string {
  if (error instanceof Unusable) return error.message;
  const known = REASONS.find(([text]) => text.test(error.message));
  return known ? known[1] : `the image library reports "${error.message.split("\n")[0]}"`;
}

/** Settles like `work`, or rejects when time is up. */
async function within<T>(seconds: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Unusable(`it was not decoded within ${seconds} seconds`)), 1000 * seconds);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
