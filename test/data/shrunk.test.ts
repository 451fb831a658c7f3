import sharp from "sharp";
import { beforeAll, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { decode, decodeSquare, fitSquare } from "../../src-main/data/decode";
import { useBackend } from "../../src-main/tensor/tensor";
import { photo } from "./photo";

useBackend(loadAddon());

let whole: Buffer;
let odd: Buffer;
beforeAll(async () => {
  whole = await photo(800, 600, 1);
  odd = await photo(803, 605, 2);
});

const turned = (jpeg: Buffer, orientation: number) => sharp(jpeg).withMetadata({ orientation }).jpeg({ quality: 95 }).toBuffer();

/** Sides for which the decoder makes an eighth, a quarter, half and all of the pixels a side. */
test.each([16, 26, 33, 47, 75, 101])("a JPEG that is shrunk while it is decoded keeps its place and its values, at %d pixels", async (side) => {
  for (const jpeg of [whole, odd])
    for (const orientation of [1, 3, 6, 7]) {
      const file = { path: "photo.jpg", bytes: await turned(jpeg, orientation) };
      const [shrunk, right] = [await decodeSquare(file, side), await fitSquare(await decode(file), side)];
      const differences = shrunk.map((value, i) => Math.abs(value - right[i]!));
      expect(differences.reduce((sum, each) => sum + each, 0) / differences.length).toBeLessThanOrEqual(0.5);
      expect(Math.max(...differences)).toBeLessThanOrEqual(6);
      // At 101 pixels a third would be too few; and what the decoder leaves out of odd sides would displace what is turned.
      const isShrunk = side < 101 && (jpeg === whole || orientation === 1);
      expect(differences.some((difference) => difference > 0)).toBe(isShrunk);
    }
});

test("pixels do not depend on what else is decoded", async () => {
  const alone = await decodeSquare({ path: "photo.jpg", bytes: odd }, 40);
  const among = await Promise.all(Array.from({ length: 12 }, (_, i) => decodeSquare({ path: "photo.jpg", bytes: i % 3 ? whole : odd }, 40)));
  expect(among.filter((_, i) => i % 3 === 0)).toEqual(Array(4).fill(alone));
});
