import sharp from "sharp";
import { InputError } from "../contract/failure";
import { prepareImage } from "../tensor/ops/prepare-image";
import { fromArray, scope, type Tensor } from "../tensor/tensor";
import type { Pixels } from "./dataset";

/** Extensions of files that are read as images. */
export const IMAGE_FILE = /\.(png|jpe?g|webp)$/i;

/** Larger images are refused: they would need 300 MB or more each. */
const MAX_PIXELS = 100e6;

// Several images are decoded at once instead, and none twice.
sharp.concurrency(1);
sharp.cache(false);

/** A file, or its encoded bytes with a name for messages. */
export interface ImageFile {
  path: string;
  bytes?: Uint8Array;
}

/** Decodes an image as a viewer would show it: rotated by its EXIF orientation, converted to sRGB, transparency on white. Throws an InputError that names the file. */
export async function decode(file: ImageFile): Promise<Pixels> {
  return reading(file, async () => {
    const image = open(file).autoOrient().flatten({ background: "#ffffff" }).toColourspace("srgb");
    const { data, info } = await image.raw().toBuffer({ resolveWithObject: true });
    return { data, H: info.height, W: info.width };
  });
}

/** Width and height that `decode` would give, read from the file's header only. */
export async function imageSize(file: ImageFile): Promise<{ width: number; height: number }> {
  return reading(file, async () => (await open(file).metadata()).autoOrient);
}

/** A small PNG for display: shorter side and centre crop to `side`, never enlarged. */
export async function thumbnail(file: ImageFile, side: number): Promise<Uint8Array> {
  const options = { width: side, height: side, fit: "cover", withoutEnlargement: true } as const;
  return reading(file, () => open(file).autoOrient().resize(options).png().toBuffer());
}

/** PNG of pixels [H,W,3]. */
export async function encodePng({ data, H, W }: Pixels): Promise<Uint8Array> {
  return sharp(data, { raw: { width: W, height: H, channels: 3 } })
    .png()
    .toBuffer();
}

/** [side,side,3]: shorter side resized, then centre crop, by the same op that prepares every other input of a network. */
export function fitSquare(image: Tensor, side: number): Pixels {
  // (v / 255 - 0) / (1 / 255): back to 0 ... 255.
  const scaled = scope(() => prepareImage(image, { size: side, mean: [0, 0, 0], std: [1 / 255, 1 / 255, 1 / 255] }).toFloat32());
  return { data: Uint8Array.from(scaled, Math.round), H: side, W: side };
}

/** u8 [H,W,3] */
export function toTensor({ data, H, W }: Pixels): Tensor {
  return fromArray(data, [H, W, 3]);
}

function open({ path, bytes }: ImageFile) {
  return sharp(bytes ?? path, { failOn: "error", limitInputPixels: MAX_PIXELS });
}

async function reading<T>(file: ImageFile, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    const reason = (cause as Error).message.split("\n")[0];
    throw new InputError(`${file.path} cannot be read as an image: ${reason}`, { cause });
  }
}
