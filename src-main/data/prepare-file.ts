import type { Tensor } from "../tensor/tensor";
import { decode, encodePng, fitSquare, type ImageFile, toTensor } from "./decode";

/**
 * Decodes an image for prediction. `image` is u8 [H,W,3] at its own size, for the op prepareImage; `seen` returns a PNG of what a network
 * of that input size sees of it (resized and cropped, before normalisation). Throws an InputError that names the file,
 * and Interrupted as soon as the signal is given.
 */
export async function prepareFile(file: ImageFile, signal?: AbortSignal): Promise<{ image: Tensor; seen: (size: number) => Promise<Uint8Array> }> {
  const image = toTensor(await decode(file, { signal }));
  return { image, seen: (size) => encodePng(fitSquare(image, size)) };
}
