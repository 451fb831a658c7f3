import sharp, { type Sharp, type SharpOptions } from "sharp";
import { Interrupted } from "../contract/failure";
import { backend } from "../tensor/tensor";
import type { Pixels } from "./dataset";
import { headerSource, type ImageFile, readImageFile, Unusable } from "./image-file";
import { type Header, plainJpegHeader } from "./jpeg-header";
import { checkStop, unlessStopped } from "./stop";
import { UnreadableImage } from "./unreadable";

export type { ImageFile };

/** Larger images are refused: they would need 300 MB or more each. */
const MAX_PIXELS = 100e6;
/** Of a side in pixels. */
const MAX_SIDE = 16_384;
/** Enough for the largest image on a slow machine. */
const SECONDS = 60;

/** Threads of Node's pool, in which images are decoded; `engineEnvironment` says how many, and Node has four if nobody does. */
const POOL = Number(process.env.UV_THREADPOOL_SIZE) || 4;
/** Reading so many at once keeps every processor busy, each with an image of its own. */
export const DECODED_AT_ONCE = POOL + 2;

// Several images are decoded at once instead, and none twice.
sharp.concurrency(1);
sharp.cache(false);

// The library tells formats by content, and some of the many that it reads are programs in themselves (SVG).
sharp.block({ operation: ["VipsForeignLoad"] });
const LOADERS = ["Jpeg", "Png", "Webp", "Nsgif", "Tiff", "Heif"];
sharp.unblock({ operation: LOADERS.map((kind) => `VipsForeignLoad${kind}`) });

export interface ReadingOptions {
  /** Makes reading reject at once with Interrupted. */
  signal?: AbortSignal;
  /** After which it is given up. */
  seconds?: number;
}

/** Decodes an image as a viewer would show it: rotated by its EXIF orientation, converted to sRGB, transparency on white. Throws an InputError that names the file. */
export async function decode(file: ImageFile, options?: ReadingOptions): Promise<Pixels> {
  return reading(file, options, pixelsOf);
}

/** Opens the image that is being read. */
type Opens = (options?: SharpOptions) => Sharp;

async function pixelsOf(image: Opens, header: Header): Promise<Pixels> {
  if (isPlainCmyk(header)) return decodeCmyk(image);
  const { data, info } = await (isPlain(header) ? image() : upright(image)).raw().toBuffer({ resolveWithObject: true });
  return { data, H: info.height, W: info.width };
}

const upright = (image: Opens) => image({ autoOrient: true }).flatten({ background: "#ffffff" }).toColourspace("srgb");

/** Pixels that are stored as they are wanted: to ask for what changes nothing costs a tenth of the time. */
function isPlain({ space, depth, channels, icc, orientation = 1 }: Header): boolean {
  return space === "srgb" && depth === "uchar" && channels === 3 && !icc && orientation === 1;
}

const isPlainCmyk = ({ space, depth }: Header) => space === "cmyk" && depth === "uchar";

/** As Pillow and browsers: each ink takes its part of the light, whatever a profile says of its colour. */
async function decodeCmyk(image: Opens): Promise<Pixels> {
  const inks = image({ autoOrient: true, ignoreIcc: true }).pipelineColourspace("cmyk").toColourspace("cmyk");
  const { data, info } = await inks.raw().toBuffer({ resolveWithObject: true });
  const { height: H, width: W, channels } = info;
  const pixels = new Uint8Array(H * W * 3);
  for (let i = 0; i < H * W; i++) {
    const light = 255 - data[i * channels + 3]!;
    for (let c = 0; c < 3; c++) pixels[3 * i + c] = light - Math.round((data[i * channels + c]! * light) / 255);
  }
  return { data: pixels, H, W };
}

/**
 * u8 [side,side,3] of what `decode` gives: the shorter side resized to `side`, then the middle, as `fitSquare` does, to the bit. Of a JPEG whose shorter
 * side is at least 7.5 times as long, the decoder makes fewer pixels, in less time: values differ by up to 0.5 of 255 on average, single ones by up to 6 (PIL.Image.draft).
 * Every network's input starts from it, in training, evaluation and prediction. Throws an InputError that names the file.
 */
export async function decodeSquare(file: ImageFile, side: number, options?: ReadingOptions): Promise<Uint8Array> {
  return reading(file, options, async (image, header) => {
    const shrinking = shrinkingOf(header, side);
    return shrinking ? decodeShrunk(image, header, shrinking, side) : fitSquare(await pixelsOf(image, header), side);
  });
}

/** How a JPEG is shrunk before it is fitted: by its decoder, which computes fewer cosines, and then by the image library, which insists on some share. */
interface Shrinking {
  times: number;
  byDecoder: number;
}

const SHRINKINGS: readonly Shrinking[] = [
  { times: 9, byDecoder: 8 },
  { times: 5, byDecoder: 4 },
  { times: 3, byDecoder: 2 },
];
/** At least so many times the wanted side is left to the fitting: what shrinking does to an image is hardly seen then. */
const LEFT = 2.5;

/** Null if nothing is gained, or if the image would be displaced. */
function shrinkingOf(header: Header, side: number): Shrinking | null {
  const { format, width, height, orientation = 1 } = header;
  if (format !== "jpeg" || isPlainCmyk(header)) return null;
  const shrinking = SHRINKINGS.find(({ times }) => Math.min(width, height) >= LEFT * times * side);
  if (!shrinking) return null;
  // The decoder leaves out the last pixels that fill no whole one of its own; in an image that is turned, they are the first ones.
  const isWhole = [width, height].every((length) => length % shrinking.byDecoder === 0);
  return isWhole || orientation === 1 ? shrinking : null;
}

async function decodeShrunk(image: Opens, { autoOrient: { width, height } }: Header, { times, byDecoder }: Shrinking, side: number): Promise<Uint8Array> {
  const [W, H] = [Math.floor(width / times), Math.floor(height / times)];
  const data = await upright(image).resize({ width: W, height: H, fit: "fill", kernel: "cubic" }).raw().toBuffer();
  const covered = (length: number, shrunk: number) => (shrunk * length) / (byDecoder * Math.floor(length / byDecoder));
  return backend().fitImage(data, { H, W, height, width, rows: covered(height, H), columns: covered(width, W), side });
}

/** Width and height that `decode` would give, read from the file's header only. */
export async function imageSize(file: ImageFile, options?: ReadingOptions): Promise<{ width: number; height: number }> {
  return reading(file, options, async (_, { autoOrient }) => autoOrient, headerSource);
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
  read: (image: Opens, header: Header) => Promise<T>,
  sourceOf: (file: ImageFile) => Promise<Uint8Array | string> = readImageFile,
): Promise<T> {
  const work = async () => {
    const source = await sourceOf(file);
    const image = (options?: SharpOptions) =>
      sharp(source, { failOn: "error", limitInputPixels: MAX_PIXELS, ...options }).timeout({ seconds: Math.ceil(seconds) });
    const header = (typeof source === "string" ? null : plainJpegHeader(source)) ?? (await image().metadata());
    expectReadable(header);
    return read(image, header);
  };
  checkStop(signal);
  try {
    return await unlessStopped(within(seconds, work()), signal);
  } catch (cause) {
    if (cause instanceof Interrupted) throw cause;
    throw new UnreadableImage(file.path, reasonOf(cause as Error), { cause });
  }
}

function expectReadable({ width, height, depth }: Header): void {
  if (Math.max(width, height) > MAX_SIDE) throw new Unusable(`it has ${width}x${height} pixels; at most ${MAX_SIDE} a side are read`);
  if (depth !== "uchar" && depth !== "ushort") throw new Unusable(`its values are of the type ${depth}, whose white nobody knows: convert it to 8 or 16 bits`);
}

/** Codes and texts of the system and of the image library, in words. Of a kind that is read, whatever else fails is damage. */
const REASONS: readonly [text: RegExp, reason: string][] = [
  [/^ENOENT/, "it is missing"],
  [/^EACCES|^EPERM/, "this program may not read it; change its permissions"],
  [/pixel limit/, `it has more than ${MAX_PIXELS / 1e6} million pixels; make it smaller`],
];
const DAMAGED = "it is cut off or damaged: a whole copy of it is needed";

function reasonOf(error: Error): string {
  if (error instanceof Unusable) return error.message;
  const known = REASONS.find(([text]) => text.test(error.message));
  if (known) return known[1];
  if ("syscall" in error) return `the system reports "${error.message}"`;
  return `${DAMAGED} (the image library reports "${error.message.split("\n")[0]}")`;
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
