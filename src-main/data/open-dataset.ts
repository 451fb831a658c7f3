import { createHash } from "node:crypto";
import { InputError } from "../contract/failure";
import type { DataSource } from "../contract/recipe";
import { PIECE } from "../disk/open-file";
import { allOrNone, fromArray, unscoped } from "../tensor/tensor";
import type { Dataset, RawSplit, Split } from "./dataset";
import { formats } from "./formats";
import { readingFolder } from "./locate";
import { FEWER_IMAGES, gigabytes } from "./memory";
import { stopPoint } from "./stop";

export interface OpenOptions {
  /**
   * Side in pixels to which images are resized if they are not all of one square size, or are larger: the largest input size of the recipe's
   * networks. Image folders only; default 224.
   */
  storeSize?: number;
  /** Called while images are being decoded. */
  onProgress?: (done: number, total: number) => void;
  /** Makes reading reject at once with Interrupted, even while an image is being decoded; nothing stays allocated. */
  signal?: AbortSignal;
}

/**
 * Reads a whole data set into the backend's memory. "bundled" is the CIFAR-10 sample that comes with the program; other paths are folders
 * in one of the formats of data/formats.ts. The limits take the first images: binary records in file order, image folders one from each
 * class in turn. Throws an InputError that names the file or folder at fault.
 */
export async function openDataset(source: DataSource, { storeSize = 224, onProgress, signal }: OpenOptions = {}): Promise<Dataset> {
  const limits = { train: source.trainLimit, test: source.testLimit };
  const { path, format, raw } = await readingFolder(source.path, source.format, async (found) => ({
    ...found,
    raw: await formats[found.format].read(found.path, limits, { storeSize, onProgress, signal }),
  }));
  const hash = await hashOf(raw.classes, [raw.train, raw.test], signal);
  const [train, test] = allOrNone(() => [toSplit(raw.train), toSplit(raw.test)]);
  return {
    path,
    format,
    classes: raw.classes,
    train,
    test,
    hash,
    release() {
      train.images.release();
      test.images.release();
    },
  };
}

function toSplit({ labels, pixels, H, W, files }: RawSplit): Split {
  try {
    return { count: labels.length, labels, images: unscoped(() => fromArray(pixels, [labels.length, H, W, 3])), H, W, ...(files && { files }) };
  } catch (error) {
    if ((error as { code?: unknown }).code !== "CUDA_OUT_OF_MEMORY") throw error;
    const { bytesFree } = error as unknown as { bytesFree: number };
    throw new InputError(
      `${labels.length} images of ${H}x${W} pixels are ${gigabytes(pixels.length)}; the GPU has ${gigabytes(bytesFree)} free: ${FEWER_IMAGES}, or train on the processor ("device": "cpu")`,
      { cause: error },
    );
  }
}

async function hashOf(classes: readonly string[], splits: RawSplit[], signal?: AbortSignal): Promise<string> {
  const hash = createHash("sha256").update(JSON.stringify(classes));
  for (const { labels, pixels, H, W } of splits) {
    hash.update(`${labels.length} ${H} ${W}`).update(labels);
    for (let at = 0; at < pixels.length; at += PIECE) {
      hash.update(pixels.subarray(at, at + PIECE));
      await stopPoint(signal);
    }
  }
  return hash.digest("hex");
}
