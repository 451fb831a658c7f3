import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { decode, imageSize } from "../../src-main/data/decode";
import images from "../reference/images.json";
import { photo } from "./photo";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "formats-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

test.each(images)("$name has the pixels that Pillow reads", async ({ name, file, height, width, pixels, most }) => {
  const bytes = Buffer.from(file, "base64");
  const right = Buffer.from(pixels, "base64");
  // By its content: the name tells nothing.
  const path = join(folder, `${name}.JPG`);
  writeFileSync(path, bytes);
  for (const read of [{ path }, { path: "dropped.png", bytes }]) {
    const { data, H, W } = await decode(read);
    expect([H, W, data.length]).toEqual([height, width, right.length]);
    expect(data.reduce((largest, value, i) => Math.max(largest, Math.abs(value - right[i]!)), 0)).toBeLessThanOrEqual(most);
    expect(await imageSize(read)).toEqual({ width, height });
  }
});

test("the size of an image is told without reading all of it", async () => {
  // Of a photo, the first half has no error that a header could tell.
  const path = join(folder, "half.jpg");
  const whole = await photo(300, 200, 1);
  writeFileSync(path, whole.subarray(0, whole.length / 2));
  expect(await imageSize({ path })).toEqual({ width: 300, height: 200 });
  await expect(decode({ path })).rejects.toThrow("it is cut off or damaged");
  // A hole of 600 MB behind it, which is more than is read.
  truncateSync(path, 6e8);
  await expect(decode({ path })).rejects.toThrow("it has 600 MB; at most 512 MB are read");
});
