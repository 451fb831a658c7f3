import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { decode } from "../../src-main/data/decode";

// Root may read everything, so that a file mode would not do.
vi.mock("node:fs/promises", async (original) => {
  const promises = await original<typeof import("node:fs/promises")>();
  const open = async (path: string, flags: number) => {
    if (path.endsWith("private.png")) throw Object.assign(new Error(`EACCES: permission denied, open '${path}'`), { code: "EACCES", syscall: "open" });
    return promises.open(path, flags);
  };
  return { ...promises, open };
});

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "decode-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const pixels = Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => (i * 7919) % 251);
const image = () => sharp(pixels, { raw: { width: 64, height: 64, channels: 3 } });
const encoded = {
  jpg: () => image().jpeg().toBuffer(),
  png: () => image().png().toBuffer(),
  webp: () => image().webp().toBuffer(),
  gif: () => image().gif().toBuffer(),
  tif: () => image().tiff({ compression: "none" }).toBuffer(),
  avif: () => image().avif().toBuffer(),
};
const part = async (format: keyof typeof encoded, share: number) => (await encoded[format]()).subarray(0, share * (await encoded[format]()).length);

const damaged = "it is cut off or damaged: a whole copy of it is needed";
const unread = (kind: string) => `it is ${kind}, which this program does not read: convert it to JPEG or PNG`;
const noPicture = (kind: string) => `it is ${kind}, not an image`;
const ftyp = (...brands: string[]) => Buffer.concat([Buffer.of(0, 0, 0, 8 + 4 * brands.length), Buffer.from(`ftyp${brands.join("")}`), Buffer.alloc(400)]);
/** The beginning of a DNG: a page whose first tag says that it is reduced. */
const reduced = Buffer.from("4d4d002a000000080001" + "00fe00040000000100000001" + "00000000", "hex");
/** A TIFF of one pixel whose values are fp32. */
const fractions = () =>
  Buffer.from(
    "49492a00080000000900000104000100000001000000010104000100000001000000020103000100000020000000030103000100000001000000060103000100000001000000110104000100000086000000150103000100000001000000160104000100000001000000530103000100000003000000000000000000803f",
    "hex",
  );

test.each<[name: string, content: () => Buffer | Promise<Buffer>, reason: string]>([
  ...(["jpg", "png", "webp", "gif", "tif", "avif"] as const).flatMap((format): [string, () => Promise<Buffer>, string][] =>
    [0.03, 0.6, 0.95].map((share) => [`cut-at-${share}.${format}`, () => part(format, share), damaged]),
  ),
  ["cut-by-three.jpg", async () => (await encoded.jpg()).subarray(0, -3), damaged],
  ["without-end.jpg", async () => (await encoded.jpg()).subarray(0, -2), damaged],
  ["cut-at-300.png", async () => (await encoded.png()).subarray(0, 300), damaged],
  ["changed.png", async () => Buffer.from((await encoded.png()).fill(7, 300, 340)), damaged],
  ["shopping.jpg", () => Buffer.from("milk, eggs"), noPicture("a text file")],
  ["page.jpg", () => Buffer.from("<!DOCTYPE html><html><body>404 Not Found</body></html>"), noPicture("a web page")],
  ["archive.jpg", () => Buffer.from("PK\x03\x04\x14\0\0\0"), noPicture("a zip archive")],
  ["paper.jpg", () => Buffer.from("%PDF-1.4\n"), noPicture("a PDF")],
  [
    "pointer.jpg",
    () => Buffer.from("version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 1\n"),
    "it is a Git LFS pointer in place of the picture: fetch it (git lfs pull)",
  ],
  ["zeros.jpg", () => Buffer.alloc(1000), "by its content it is no JPEG, PNG, WebP, GIF, TIFF or AVIF"],
  ["phone.jpg", () => ftyp("heic", "\0\0\0\0", "mif1", "heic"), unread("a HEIC photo")],
  ["drawing.png", () => Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'), unread("an SVG drawing")],
  ["layers.jpg", () => Buffer.from("8BPS\0\x01\0\0\0\0\0\0"), unread("a Photoshop file")],
  ["old.jpg", () => Buffer.from("0000000c6a5020200d0a870a", "hex"), unread("a JPEG 2000")],
  ["new.jpg", () => Buffer.from("0000000c4a584c200d0a870a", "hex"), unread("a JPEG XL")],
  ["paint.jpg", () => Buffer.from("424d460000000000000036000000280000000100000001000000010018000000", "hex"), unread("a BMP")],
  ["canon.tif", () => Buffer.from("49492a001000000043520200000000000000", "hex"), unread("a raw photo of a camera")],
  [
    "nikon.tif",
    () => reduced,
    "its first page is a small version of another, as in raw photos of cameras, which this program does not read: convert it to JPEG or PNG",
  ],
  ["fractions.tif", fractions, "its values are of the type float, whose white nobody knows: convert it to 8 or 16 bits"],
  ["nothing.png", () => Buffer.alloc(0), "it is empty"],
  ["private.png", () => encoded.png(), "this program may not read it; change its permissions"],
])("says in words why %s cannot be read", async (name, content, reason) => {
  const path = join(folder, name);
  writeFileSync(path, await content());
  await expect(decode({ path })).rejects.toThrow(`${path} cannot be read as an image: ${reason}`);
});
