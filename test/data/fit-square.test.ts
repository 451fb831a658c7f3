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
  // The 4 x 3 picture covers all of the first, and all but the last quarter row of the second.
  const ramp = (H: number, W: number) => Uint8Array.from({ length: H * W * 3 }, (_, i) => 20 * Math.floor(i / 3 / W));
  const fit = (H: number, rows: number) => addon.fitImage(ramp(H, 3), { H, W: 3, height: 4, width: 3, rows, columns: 3, side: 2 });
  const whole = await fit(4, 4);
  const part = await fit(5, 4);
  expect([...part].filter((_, i) => i % 3 === 0)).toEqual([...whole].filter((_, i) => i % 3 === 0).map((v) => v));
});
