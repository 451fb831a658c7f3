import { backend, fromArray, type Tensor, unscoped } from "../tensor/tensor";
import type { RawSplit, Split } from "./dataset";
import { isHeld, sourceOf } from "./image-source";
import { ImageStream } from "./image-stream";
import { gigabytes } from "./memory";

/** Hands a split to the device: all of its images, if they lie in memory and take at most so many bytes there, otherwise those of one batch at a time. */
export function toSplit(raw: RawSplit, mostOnDevice = Number.POSITIVE_INFINITY): Split {
  const { labels, pixels, H, W, files } = raw;
  const common = { count: labels.length, labels, H, W, ...(files && { files }) };
  const held = isHeld(pixels) && pixels.length <= mostOnDevice ? heldOn(raw, pixels) : null;
  if (held) return { ...common, images: held };
  const stream = new ImageStream(sourceOf(pixels, H * W * 3), H, W, isHeld(pixels));
  return {
    ...common,
    stream,
    get images() {
      return stream.images;
    },
  };
}

/** All images on the device; null if it is a GPU that has no room for them. */
function heldOn({ labels, H, W }: RawSplit, pixels: Uint8Array): Tensor | null {
  try {
    return unscoped(() => fromArray(pixels, [labels.length, H, W, 3]));
  } catch (error) {
    if ((error as { code?: unknown }).code === "CUDA_OUT_OF_MEMORY") return null;
    throw error;
  }
}

/** That a GPU is sent the images batch by batch, where it is; otherwise null. */
export function streamedInWords(splits: readonly Split[]): string | null {
  const bytes = splits.reduce((sum, { stream, count, H, W }) => sum + (stream ? count * H * W * 3 : 0), 0);
  if (bytes === 0 || backend().device() !== "cuda") return null;
  return `${gigabytes(bytes)} of images stay in the computer's memory or on its disk, and the GPU is sent those of each batch`;
}

export function releaseSplit(split: Split): void {
  (split.stream ?? split.images).release();
}
