import { backend, empty, type Tensor, unscoped } from "../tensor/tensor";
import type { RawSplit, Split } from "./dataset";
import { isHeld, sourceOf } from "./image-source";
import { BatchStream, GrowingStream, type ImageStream } from "./image-stream";
import { gigabytes } from "./memory";

/**
 * Hands splits to the device. It holds all images of those for which it has room, beside others at most so many bytes of them: from the start if they lie in
 * memory, otherwise as they are needed. Of the others it holds those of one batch at a time, and so does the processor of images that do not lie in memory.
 */
export function toSplits(parts: readonly RawSplit[], mostOnDevice = Number.POSITIVE_INFINITY): Split[] {
  let left = mostOnDevice;
  return parts.map((part) => {
    const bytes = part.labels.length * part.H * part.W * 3;
    const isWanted = bytes <= left && (isHeld(part.pixels) || backend().device() === "cuda");
    const room = isWanted ? roomFor(part) : null;
    if (room) left -= bytes;
    return toSplit(part, room);
  });
}

/** u8 [count,H,W,3], undefined content; null if the device is a GPU that has no room for it. */
function roomFor({ labels, H, W }: RawSplit): Tensor | null {
  try {
    return unscoped(() => empty([labels.length, H, W, 3], "u8"));
  } catch (error) {
    if ((error as { code?: unknown }).code === "CUDA_OUT_OF_MEMORY") return null;
    throw error;
  }
}

function toSplit({ labels, pixels, H, W, files, fingerprintOf }: RawSplit, room: Tensor | null): Split {
  const common = { count: labels.length, labels, H, W, ...(files && { files }), fingerprintOf };
  if (room && isHeld(pixels)) {
    backend().write(room.handle, pixels);
    return { ...common, images: room };
  }
  const options = { source: sourceOf(pixels, H * W * 3), H, W, isHeld: isHeld(pixels) };
  const stream: ImageStream = room ? new GrowingStream(options, room) : new BatchStream(options);
  return {
    ...common,
    stream,
    get images() {
      return stream.images;
    },
  };
}

/** A part of a split, whose images it shows: it must not outlive it, and is not released. */
export function partOf(split: Split, rows: Int32Array): Split {
  const { labels, files, stream, H, W, fingerprintOf } = split;
  return {
    count: rows.length,
    labels: rows.map((row) => labels[row]!),
    rows,
    ...(files && { files: Array.from(rows, (row) => files[row]!) }),
    ...(stream && { stream }),
    H,
    W,
    fingerprintOf: (n) => fingerprintOf(rows[n]!),
    get images() {
      return split.images;
    },
  };
}

/** That a GPU is sent the images batch by batch, where it is; otherwise null. */
export function streamedInWords(splits: readonly Split[]): string | null {
  const bytes = splits.reduce((sum, { stream, count, H, W }) => sum + (stream instanceof BatchStream ? count * H * W * 3 : 0), 0);
  if (bytes === 0 || backend().device() !== "cuda") return null;
  return `${gigabytes(bytes)} of images stay in the computer's memory or on its disk, and the GPU is sent those of each batch`;
}

export function releaseSplit(split: Split): void {
  (split.stream ?? split.images).release();
}
