import sharp from "sharp";
import { expect, test } from "vitest";
import { plainJpegHeader } from "../../src-main/data/jpeg-header";

const picture = (channels: 3 | 4 = 3) => sharp({ create: { width: 30, height: 20, channels, background: "#123456" } });

test.each([
  ["baseline", {}],
  ["progressive", { progressive: true }],
  ["without subsampling", { chromaSubsampling: "4:4:4" }],
])("a plain JPEG, %s, says what the image library says of it", async (_, options) => {
  const jpeg = await picture().jpeg(options).toBuffer();
  const { format, width, height, depth, space, channels, autoOrient } = await sharp(jpeg).metadata();
  expect(plainJpegHeader(jpeg)).toEqual({ format, width, height, depth, space, channels, autoOrient });
});

const segment = (marker: number, content: string) => Buffer.concat([Buffer.from([0xff, marker, 0, content.length + 2]), Buffer.from(content, "latin1")]);

test("whatever may change the pixels is left to the image library", async () => {
  const jpeg = await picture().jpeg().toBuffer();
  const scan = jpeg.indexOf(Buffer.from([0xff, 0xda]));
  const before = (at: number, more: Buffer) => Buffer.concat([jpeg.subarray(0, at), more, jpeg.subarray(at)]);
  const others = {
    turned: await picture().withMetadata({ orientation: 6 }).jpeg().toBuffer(),
    "with a profile": await picture().withIccProfile("p3").jpeg().toBuffer(),
    grey: await picture().toColourspace("b-w").jpeg().toBuffer(),
    cmyk: await picture().toColourspace("cmyk").jpeg().toBuffer(),
    "with EXIF before its scan": before(scan, segment(0xe1, "Exif\0\0")),
    "with marks of Adobe": before(scan, segment(0xee, "Adobe\0d\0\0\0\0\0")),
    "cut off in its header": jpeg.subarray(0, scan),
    "a PNG": await picture().png().toBuffer(),
    nothing: Buffer.alloc(0),
  };
  for (const [name, bytes] of Object.entries(others)) expect([name, plainJpegHeader(bytes)]).toEqual([name, null]);
});
