/** Tells kinds of files by their first bytes: names say little, and decoders fail with words of their own. */

/** So many bytes tell a kind. */
export const KIND_BYTES = 256;

/** In words, to follow "it is". */
export const kindNames = {
  jpeg: "a JPEG",
  png: "a PNG",
  webp: "a WebP",
  gif: "a GIF",
  tiff: "a TIFF",
  avif: "an AVIF",
  bmp: "a BMP",
  heic: "a HEIC photo",
  raw: "a raw photo of a camera",
  jpeg2000: "a JPEG 2000",
  jxl: "a JPEG XL",
  pnm: "a portable pixmap",
  psd: "a Photoshop file",
  icon: "an icon",
  tga: "a Targa picture (TGA)",
  dds: "a DDS texture",
  exr: "an OpenEXR",
  svg: "an SVG drawing",
  html: "a web page",
  pdf: "a PDF",
  zip: "a zip archive",
  "git-lfs": "a Git LFS pointer in place of the file",
} as const;

export type FileKind = keyof typeof kindNames;

/** Those that this program decodes. */
export const readKinds: readonly FileKind[] = ["jpeg", "png", "webp", "gif", "tiff", "avif"];
/** Pictures of other kinds. */
const unreadPictures: readonly FileKind[] = ["bmp", "heic", "raw", "jpeg2000", "jxl", "pnm", "psd", "icon", "tga", "dds", "exr", "svg"];

export const isRead = (kind: FileKind | null): boolean => kind !== null && readKinds.includes(kind);
export const isPicture = (kind: FileKind | null): boolean => isRead(kind) || (kind !== null && unreadPictures.includes(kind));

/** "JPEG, PNG, WebP, GIF, TIFF or AVIF" */
export const readInWords = (() => {
  const names = readKinds.map((kind) => kindNames[kind].replace(/^an? /, ""));
  return `${names.slice(0, -1).join(", ")} or ${names.at(-1)}`;
})();

/** The kind of a file that begins with these bytes, of which `KIND_BYTES` are enough; null if they are of none of them. */
export function kindOf(bytes: Uint8Array): FileKind | null {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, KIND_BYTES)).toString("latin1");
  return signatures.find(([, is]) => (typeof is === "function" ? is(text) : is.some((start) => begins(text, start))))?.[0] ?? null;
}

/** Byte by byte as characters of Latin-1; "?" stands for any. */
const signatures: readonly [kind: FileKind, is: readonly string[] | ((text: string) => boolean)][] = [
  ["jpeg", ["\xff\xd8\xff"]],
  ["png", ["\x89PNG\r\n\x1a\n"]],
  ["webp", ["RIFF????WEBP"]],
  ["gif", ["GIF87a", "GIF89a"]],
  ["raw", (text) => rawSignatures.some((start) => begins(text, start)) || brandsOf(text).includes("crx ")],
  ["tiff", ["II*\0", "MM\0*", "II+\0", "MM\0+"]],
  ["avif", (text) => brandsOf(text).some((brand) => /^avi[fs]$/.test(brand))],
  ["heic", (text) => brandsOf(text).some((brand) => /^(he[ivm][cxsm]|mif1|msf1)$/.test(brand))],
  ["bmp", isBitmap],
  ["jpeg2000", ["\0\0\0\x0cjP  \r\n\x87\n", "\xffO\xffQ"]],
  ["jxl", ["\0\0\0\x0cJXL \r\n\x87\n", "\xff\n"]],
  ["pnm", (text) => /^P[1-7][\s#]/.test(text)],
  ["psd", ["8BPS"]],
  ["icon", isIcon],
  ["tga", isTarga],
  ["dds", ["DDS "]],
  ["exr", ["v/1\x01"]],
  ["git-lfs", ["version https://git-lfs"]],
  ["svg", (text) => /^(\xef\xbb\xbf)?\s*(<\?xml.*?)?(<!--.*?-->\s*)?(<!doctype svg|<svg[\s>])/is.test(text)],
  ["html", (text) => /^(\xef\xbb\xbf)?\s*(<!--.*?-->\s*)?<(!doctype html|html|head|body)[\s>]/is.test(text)],
  ["pdf", ["%PDF-"]],
  ["zip", ["PK\x03\x04"]],
];

/** Of Canon, Panasonic, Olympus, Fujifilm and Sigma. Those of other makers are TIFFs like any other. */
const rawSignatures = ["II*\0????CR", "IIU\0", "IIRO", "IIRS", "MMOR", "FUJIFILMCCD-RAW", "FOVb"];

function begins(text: string, start: string): boolean {
  return [...start].every((byte, i) => (byte === "?" ? i < text.length : text[i] === byte));
}

/** The size of its second header tells it from a text that begins with the same letters. */
function isBitmap(text: string): boolean {
  return text.startsWith("BM") && [12, 16, 40, 52, 56, 64, 108, 124].includes(text.charCodeAt(14)) && text.startsWith("\0\0\0", 15);
}

/** An icon or a cursor, and how many pictures it has: a TGA has zeros there. */
function isIcon(text: string): boolean {
  return ["\0\0\x01\0", "\0\0\x02\0"].some((start) => text.startsWith(start)) && text.slice(4, 6) !== "\0\0";
}

/** It begins with no signature: a type of picture, no colour map, and bits per pixel after place and size. */
function isTarga(text: string): boolean {
  return (
    [2, 3, 10, 11].includes(text.charCodeAt(2)) && text[1] === "\0" && text.startsWith("\0\0\0\0\0", 3) && [8, 15, 16, 24, 32].includes(text.charCodeAt(16))
  );
}

/** Major and compatible brands of an ISO base media file (ISO/IEC 14496-12, 4.3); none of another file. */
function brandsOf(text: string): string[] {
  if (text.slice(4, 8) !== "ftyp") return [];
  const size = text.charCodeAt(2) * 256 + text.charCodeAt(3);
  return text.slice(8, size).match(/.{4}/gs) ?? [];
}
