import { fromArray, type Tensor } from "../tensor/tensor";
import { decode, decodeSquare, encodePng, fitSquare, type ImageFile, imageSize } from "./decode";

export interface PreparedFile {
  /** u8 [1,H,W,3], as in a data set of the images' own size or of the network's: `assembleBatch` makes a network's input of either. */
  images: Tensor;
  /** PNG of what the network sees, before normalisation. */
  seen: () => Promise<Uint8Array>;
}

/**
 * Decodes an image for a network of that input size, as `openDataset` does: a square that is smaller keeps its size, and any other image is fitted.
 * Throws an InputError that names the file, and Interrupted as soon as the signal is given.
 */
export async function prepareFile(file: ImageFile, size: number, signal?: AbortSignal): Promise<PreparedFile> {
  const { width, height } = await imageSize(file, { signal });
  const isSmall = width === height && width < size;
  const pixels = isSmall ? await decode(file, { signal }) : { data: await decodeSquare(file, size, { signal }), H: size, W: size };
  const { data, H, W } = pixels;
  return { images: fromArray(data, [1, H, W, 3]), seen: async () => encodePng({ data: await fitSquare(pixels, size), H: size, W: size }) };
}
