import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { prepareFile } from "../../src-main/data/prepare-file";
import { useBackend } from "../../src-main/tensor/tensor";
import { png } from "./image-files";

useBackend(loadAddon());

const folder = mkdtempSync(join(tmpdir(), "distill-predict-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("a file and its bytes give the same pixels, those of a small square at its own size", async () => {
  const bytes = await png(3, 3, [10, 20, 30], [1, 2, 3]);
  const path = join(folder, "dog.png");
  writeFileSync(path, bytes);
  for (const file of [{ path }, { path: "dropped.png", bytes }]) {
    for (const size of [3, 4]) {
      const { images } = await prepareFile(file, size);
      expect([images.dtype, images.shape]).toEqual(["u8", [1, 3, 3, 3]]);
      expect([...images.toUint8().slice(0, 6)]).toEqual([1, 2, 3, 10, 20, 30]);
    }
    expect((await prepareFile(file, 2)).images.shape).toEqual([1, 2, 2, 3]);
  }
});

test("what the network sees is the centre, resized", async () => {
  // 12 wide, 4 high: red, green and blue squares beside each other.
  const stripes = Buffer.from(Array.from({ length: 48 }, (_, i) => [0, 1, 2].map((channel) => (channel === Math.floor((i % 12) / 4) ? 255 : 0))).flat());
  const bytes = await sharp(stripes, { raw: { width: 12, height: 4, channels: 3 } })
    .png()
    .toBuffer();
  const { seen } = await prepareFile({ path: "stripes.png", bytes }, 4);
  const { data, info } = await sharp(await seen())
    .raw()
    .toBuffer({ resolveWithObject: true });
  expect([info.width, info.height, info.channels]).toEqual([4, 4, 3]);
  expect([...data]).toEqual(Array.from({ length: 16 }, () => [0, 255, 0]).flat());
});

test("a file that is not an image, missing or too large is named", async () => {
  const refused = (file: { path: string; bytes?: Uint8Array }, message: RegExp) =>
    expect(prepareFile(file, 8)).rejects.toMatchObject({ code: "INPUT", message: expect.stringMatching(message) });
  await refused({ path: "dropped.jpg", bytes: Buffer.from("milk, eggs") }, /^dropped\.jpg cannot be read as an image: it is a text file, not an image/);
  await refused({ path: join(folder, "absent.png") }, /absent\.png cannot be read as an image: .*missing/);
  await refused({ path: "large.jpg", bytes: await jpegOf(11_000, 11_000) }, /large\.jpg .*more than 100 million pixels/);
});

/** A JPEG whose header declares that size; no pixels follow it. */
async function jpegOf(width: number, height: number): Promise<Buffer> {
  const bytes = await sharp(await png(8, 8, [1, 2, 3]))
    .jpeg()
    .toBuffer();
  const frame = bytes.indexOf(Buffer.from([0xff, 0xc0]));
  bytes.writeUInt16BE(height, frame + 5);
  bytes.writeUInt16BE(width, frame + 7);
  return bytes;
}
