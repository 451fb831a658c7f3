import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import sharp from "sharp";

export type Colour = readonly [r: number, g: number, b: number];

/** A PNG of one colour, with `corner` as the pixel at the top left. */
export function png(width: number, height: number, colour: Colour, corner: Colour = colour): Promise<Buffer> {
  const pixels = Buffer.from(Array.from({ length: width * height }, (_, i) => (i === 0 ? corner : colour)).flat());
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
}

/** Writes files by their paths below a folder. */
export function writeFiles(folder: string, files: Record<string, Uint8Array | string>): void {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
}
