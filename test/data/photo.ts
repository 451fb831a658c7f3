import sharp from "sharp";
import { whole } from "../reference/formula";

/** The share of a photo's contrast in details of that many pixels. */
const DETAILS: [pixels: number, share: number][] = [
  [120, 0.45],
  [40, 0.22],
  [14, 0.14],
  [5, 0.1],
  [2, 0.06],
  [1, 0.03],
];

/** A JPEG with details of all sizes, the larger the stronger, as photos have them; each seed gives another. */
export async function photo(width: number, height: number, seed: number): Promise<Buffer> {
  const sum = new Float32Array(width * height * 3);
  for (const [pixels, share] of DETAILS) {
    const [w, h] = [Math.ceil(width / pixels) + 1, Math.ceil(height / pixels) + 1];
    const noise = Uint8Array.from(whole(`photo ${seed} ${pixels}`, w * h * 3, 256));
    const grown = sharp(noise, { raw: { width: w, height: h, channels: 3 } }).resize(width, height, { fit: "fill", kernel: "cubic" });
    const values = await grown.raw().toBuffer();
    for (let i = 0; i < sum.length; i++) sum[i]! += share * values[i]!;
  }
  // Sums of noise gather in the middle: stretched to the whole range.
  const bytes = Uint8ClampedArray.from(sum, (value) => 128 + 1.8 * (value - 128));
  return sharp(Buffer.from(bytes.buffer), { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 90 })
    .toBuffer();
}
