import sharp from "sharp";
import { expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { decode, imageSize, thumbnail } from "../../src-main/data/decode";
import { prepareFile } from "../../src-main/data/prepare-file";
import { useBackend } from "../../src-main/tensor/tensor";
import { mutated, withstands } from "../mutations";

useBackend(loadAddon());

/** Some colours, and an orientation to be read. */
const picture = (format: "png" | "jpeg" | "webp" | "gif" | "tiff" | "avif") =>
  sharp(Buffer.from(Array.from({ length: 24 * 16 * 3 }, (_, i) => (i * i) % 256)), { raw: { width: 24, height: 16, channels: 3 } })
    .withMetadata({ orientation: 6 })
    .toFormat(format)
    .toBuffer();

test.each(["png", "jpeg", "webp", "gif", "tiff", "avif"] as const)("a %s with changes at random is read, or refused in words", async (format) => {
  const original = await picture(format);
  const { taken, refused } = await withstands(120, async (n) => {
    // Headers come first: every other file is changed there.
    const head = Math.min(original.length, n % 2 === 0 ? original.length : 100);
    const file = { path: `damaged.${format}`, bytes: Buffer.concat([mutated(original.subarray(0, head), n), original.subarray(head)]) };
    const { width, height } = await imageSize(file);
    expect(Math.min(width, height)).toBeGreaterThan(0);
    const { data, H, W } = await decode(file);
    expect(data).toHaveLength(H * W * 3);
    await thumbnail(file, 8);
    (await prepareFile(file, 8)) satisfies object;
  });
  expect([taken > 0, refused > 0]).toEqual([true, true]);
});
