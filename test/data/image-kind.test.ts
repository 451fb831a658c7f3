import sharp from "sharp";
import { expect, test } from "vitest";
import { isPicture, isRead, kindOf } from "../../src-main/data/image-kind";

const image = sharp(Buffer.alloc(300, 7), { raw: { width: 10, height: 10, channels: 3 } });

test.each(["jpeg", "png", "webp", "gif", "tiff", "avif"] as const)("a %s is told by its first bytes", async (kind) => {
  const bytes = await image.clone().toFormat(kind).toBuffer();
  expect([kindOf(bytes), isRead(kindOf(bytes))]).toEqual([kind, true]);
  expect(kindOf(bytes.subarray(0, 3))).toBe(kind === "jpeg" ? kind : null);
});

const bmp = Buffer.concat([Buffer.from("BM"), Buffer.alloc(12, 1), Buffer.from([40, 0, 0, 0]), Buffer.alloc(40)]);
test.each<[string, Uint8Array, string | null]>([
  ["a BMP", bmp, "bmp"],
  ["a text that begins as a BMP", Buffer.from("BMW and Mercedes, Audi and others\n"), null],
  ["a HEIC photo", Buffer.from("\0\0\0\x18ftypheic\0\0\0\0mif1heic", "latin1"), "heic"],
  ["a HEIC photo by its second brand", Buffer.from("\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "latin1"), "heic"],
  ["a portable pixmap", Buffer.from("P6\n32 32\n255\n"), "pnm"],
  ["a JPEG 2000", Buffer.from("\0\0\0\x0cjP  \r\n\x87\n", "latin1"), "jpeg2000"],
  ["an icon", Buffer.from([0, 0, 1, 0, 1, 0, 16, 16, 0, 0]), "icon"],
  ["a TGA", Buffer.from([0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 64, 0, 48, 0, 24, 32]), "tga"],
  ["a compressed TGA with a title", Buffer.from([4, 0, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 64, 0, 48, 0, 32, 8]), "tga"],
  ["an SVG drawing", Buffer.from('<?xml version="1.0"?>\n<svg xmlns="x">'), "svg"],
])("%s", (_, bytes, kind) => {
  expect([kindOf(bytes), isRead(kindOf(bytes)), isPicture(kindOf(bytes))]).toEqual([kind, false, kind !== null]);
});

test.each<[string, string, string | null]>([
  ["a web page", "<!DOCTYPE html><html>", "html"],
  ["a Git LFS pointer", "version https://git-lfs.github.com/spec/v1\n", "git-lfs"],
  ["an annotation", "0 0.5 0.5 0.1 0.1\n", null],
  ["nothing", "", null],
])("%s is no picture", (_, text, kind) => {
  expect([kindOf(Buffer.from(text)), isPicture(kindOf(Buffer.from(text)))]).toEqual([kind, false]);
});
