import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { fitSquare } from "../../src-main/data/decode";
import { useBackend } from "../../src-main/tensor/tensor";
import { whole } from "../reference/formula";
import golden from "../reference/preprocessing.json";

const addon = loadAddon();
useBackend(addon);

const image = (H: number, W: number) => ({ data: Uint8Array.from(whole(`${H}x${W}`, H * W * 3, 256)), H, W });
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

test.each(addon.cpuFeatures().isas)("%s: every pixel is torchvision's, whatever the sides", async (isa) => {
  const before = addon.cpuFeatures().isa;
  addon.selectIsa(isa);
  const found = await Promise.all(golden.map(async ({ height, width, side }) => sha256(await fitSquare(image(height, width), side))));
  addon.selectIsa(before);
  expect(golden.map((sides, i) => ({ ...sides, sha256: found[i] }))).toEqual(golden);
});

test("a picture that was shrunk while it was decoded is placed by its own sides", async () => {
  // Each row brighter than the one above it. The picture of 4 x 3 pixels covers four rows of each image.
  const rows = (H: number) => Uint8Array.from({ length: H * 3 * 3 }, (_, i) => 20 * Math.floor(i / 9));
  const sides = { W: 3, height: 4, width: 3, columns: 3, side: 2 };
  const upper = async (H: number, rowsCovered: number) => (await addon.fitImage(rows(H), { ...sides, H, rows: rowsCovered }))[0]!;
  expect(await upper(5, 4)).toBe(await upper(4, 4));
  expect(await upper(5, 5)).toBeGreaterThan(await upper(5, 4));
});
