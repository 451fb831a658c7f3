/** What a decoder has to know of an image before it decodes it; sharp's `Metadata` has all of it. */
export interface Header {
  format?: string;
  width: number;
  height: number;
  /** "uchar": 8 bits a value. */
  depth: string;
  /** "srgb", "cmyk" and so on. */
  space: string;
  channels: number;
  /** By EXIF, 1 to 8. */
  orientation?: number;
  /** A profile of colours. */
  icc?: Uint8Array;
  /** The extents once it is turned by its orientation. */
  autoOrient: { width: number; height: number };
}

const START_OF_SCAN = 0xda;
/** Baseline, extended and progressive. */
const STARTS_OF_FRAME = [0xc0, 0xc1, 0xc2];
/** JFIF; tables of quantization and of Huffman; restart interval; comment. */
const HARMLESS = [0xe0, 0xdb, 0xc4, 0xdd, 0xfe];

/**
 * The header of a JPEG in its most frequent form: YCbCr as JFIF has it, 8 bits, without EXIF, profile or marks of Adobe. null for any other, which
 * the image library has to look at: that takes about a twelfth of the time of decoding a photo. ITU-T T.81, annex B.
 */
export function plainJpegHeader(bytes: Uint8Array): Header | null {
  const short = (at: number) => (bytes[at]! << 8) | bytes[at + 1]!;
  if (bytes.length < 2 || short(0) !== 0xffd8) return null;
  let header: Header | null = null;
  for (let at = 2; at + 10 < bytes.length && bytes[at] === 0xff; at += 2 + short(at + 2)) {
    const marker = bytes[at + 1]!;
    if (marker === START_OF_SCAN) return header;
    if (STARTS_OF_FRAME.includes(marker) && header === null) {
      const [precision, height, width, channels] = [bytes[at + 4], short(at + 5), short(at + 7), bytes[at + 9]!];
      const isYCbCr = channels === 3 && [1, 2, 3].every((id, i) => bytes[at + 10 + 3 * i] === id);
      if (precision !== 8 || !isYCbCr || width === 0 || height === 0) return null;
      header = { format: "jpeg", width, height, depth: "uchar", space: "srgb", channels, autoOrient: { width, height } };
    } else if (!HARMLESS.includes(marker)) return null;
  }
  return null;
}
