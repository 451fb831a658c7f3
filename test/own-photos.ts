/** A folder of photos as people have them: a folder for each class, without a split. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import sharp from "sharp";
import { expect } from "vitest";

const SAMPLE = resolve(import.meta.dirname, "../assets/cifar-10-sample/cifar-10-batches-bin");
export const PHOTO_CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog"];
const SIDE = 32;
const RECORD = 1 + 3 * SIDE * SIDE;

/** The first bundled images of six classes as photos of 500 x 375 px, so many of each. */
export async function writePhotos(folder: string, perClass: number): Promise<void> {
  const written = PHOTO_CLASSES.map(() => 0);
  for (const name of PHOTO_CLASSES) mkdirSync(join(folder, name), { recursive: true });
  for (const batch of [1, 2, 3, 4, 5]) {
    const bytes = readFileSync(join(SAMPLE, `data_batch_${batch}.bin`));
    for (let at = 0; at < bytes.length; at += RECORD) {
      const label = bytes[at]!;
      if (label >= PHOTO_CLASSES.length || written[label]! >= perClass) continue;
      const planes = bytes.subarray(at + 1, at + RECORD);
      const pixels = Buffer.from(Array.from({ length: 3 * SIDE * SIDE }, (_, i) => planes[(i % 3) * SIDE * SIDE + Math.floor(i / 3)]!));
      const image = sharp(pixels, { raw: { width: SIDE, height: SIDE, channels: 3 } }).resize(500, 375, { fit: "cover" });
      writeFileSync(join(folder, PHOTO_CLASSES[label]!, `${written[label]!++}.jpg`), await image.jpeg().toBuffer());
    }
  }
  expect(written).toEqual(PHOTO_CLASSES.map(() => perClass));
}
