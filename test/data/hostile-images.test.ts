import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { dataInfo } from "../../src-main/data/data-info";
import { decode, thumbnail } from "../../src-main/data/decode";
import { openDataset } from "../../src-main/data/open-dataset";
import { prepareFile } from "../../src-main/data/prepare-file";
import { backend, useBackend } from "../../src-main/tensor/tensor";
import { png, writeFiles } from "./image-files";

useBackend(loadAddon());

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "distill-hostile-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const NO_DECODER = /which this program does not read: convert it|, not an image/;

/** A picture that is a program, and runs for minutes. */
const SVG = `<svg xmlns="http://www.w3.org/2000/svg" width="9000" height="9000"><filter id="f"><feTurbulence numOctaves="50" baseFrequency="0.9"/>
<feGaussianBlur stdDeviation="300"/></filter><rect width="9000" height="9000" filter="url(#f)"/></svg>`;

describe("by its content, not by its name, a file that is", () => {
  const pixels = sharp(Buffer.alloc(300, 7), { raw: { width: 10, height: 10, channels: 3 } });
  test.each([
    ["an SVG", async () => Buffer.from(SVG)],
    ["an SVG with a declaration", async () => Buffer.from(`<?xml version="1.0"?>\n${SVG}`)],
    ["a portable pixmap", async () => Buffer.from("P3 1 1 255 1 2 3\n")],
    ["a PDF", async () => Buffer.from("%PDF-1.4\n1 0 obj <</Type/Catalog>> endobj\ntrailer <</Root 1 0 R>>\n")],
  ])("%s is refused", async (_, make) => {
    const bytes = await make();
    const path = join(folder, "x.png");
    writeFileSync(path, bytes);
    for (const file of [{ path }, { path: "dropped.webp", bytes }])
      for (const read of [() => decode(file), () => prepareFile(file, 8), () => thumbnail(file, 8)])
        await expect(read()).rejects.toMatchObject({ code: "INPUT", message: expect.stringMatching(NO_DECODER) });
  });

  test("a JPEG, PNG, WebP, GIF, TIFF or AVIF is read", async () => {
    for (const format of ["jpeg", "png", "webp", "gif", "tiff", "avif"] as const)
      expect(await decode({ path: "x.gif", bytes: await pixels.clone().toFormat(format).toBuffer() })).toMatchObject({ H: 10, W: 10 });
  });
});

test("a side of more than 16,384 pixels is refused, whatever the area", async () => {
  const long = (width: number, height: number) => png(width, height, [1, 2, 3]);
  await expect(decode({ path: "long.png", bytes: await long(16_385, 1) })).rejects.toThrow(
    "long.png cannot be read as an image: it has 16385x1 pixels; at most 16384 a side",
  );
  await expect(decode({ path: "high.png", bytes: await long(1, 16_385) })).rejects.toThrow("at most 16384 a side");
  expect(await decode({ path: "fits.png", bytes: await long(16_384, 1) })).toMatchObject({ W: 16_384 });
});

test.skipIf(process.platform === "win32")("a pipe or a device, which never ends, is refused", async () => {
  const [pipe, device] = [join(folder, "pipe.png"), join(folder, "device.png")];
  execFileSync("mkfifo", [pipe]);
  symlinkSync("/dev/zero", device);
  for (const path of [pipe, device]) await expect(decode({ path })).rejects.toThrow("it is a pipe or a device");
  await expect(decode({ path: folder })).rejects.toThrow("it is a folder: name its files, or use evaluate --data");
});

/** Takes a second or so. */
const large = () =>
  sharp({ create: { width: 8000, height: 8000, channels: 3, background: "#123456" } })
    .webp({ effort: 0 })
    .toBuffer();

test("an image that takes too long is given up", async () => {
  await expect(decode({ path: "slow.webp", bytes: await large() }, { seconds: 0.001 })).rejects.toThrow(
    "slow.webp cannot be read as an image: it was not decoded within 0.001 seconds",
  );
});

describe("a stop wins over any file", () => {
  const stopped = { code: "INTERRUPTED" };
  /** Gives the signal as soon as the decoder is at work. */
  const soon = () => {
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 20);
    return stop.signal;
  };

  test("while an image is decoded, for prediction or a data set", async () => {
    const bytes = await large();
    await expect(prepareFile({ path: "x.webp", bytes }, 8, soon())).rejects.toMatchObject(stopped);
    writeFiles(folder, Object.fromEntries(["train/a/0.webp", "train/b/0.webp", "test/a/0.webp", "test/b/0.webp"].map((name) => [name, bytes])));
    const before = backend().memoryStats().inUse;
    await expect(openDataset({ path: folder, format: "auto", trainLimit: null, testLimit: null }, { signal: soon() })).rejects.toMatchObject(stopped);
    expect(backend().memoryStats().inUse).toBe(before);
  });

  test("given before, nothing is read", async () => {
    const signal = AbortSignal.abort();
    const small = await png(4, 4, [1, 2, 3]);
    writeFiles(folder, Object.fromEntries(["train/a/0.png", "train/b/0.png", "test/a/0.png", "test/b/0.png"].map((name) => [name, small])));
    const source = { format: "auto", trainLimit: 1, testLimit: 1 } as const;
    for (const path of [folder, "bundled"]) await expect(openDataset({ ...source, path }, { signal })).rejects.toMatchObject(stopped);
    await expect(dataInfo({ path: folder, format: "auto" }, 1, signal)).rejects.toMatchObject(stopped);
    await expect(prepareFile({ path: join(folder, "train/a/0.png") }, 8, signal)).rejects.toMatchObject(stopped);
  });
});

describe("a folder that vanishes", () => {
  const vanish = () => rmSync(folder, { recursive: true });

  test("while its images are read is named, once", async () => {
    const small = await png(4, 4, [1, 2, 3]);
    const names = Array.from({ length: 40 }, (_, i) => `${i < 20 ? "train" : "test"}/${i % 2 ? "a" : "b"}/${i}.png`);
    writeFiles(folder, Object.fromEntries(names.map((name) => [name, small])));
    const reading = openDataset({ path: folder, format: "auto", trainLimit: null, testLimit: null }, { onProgress: vanishOnce() });
    await expect(reading).rejects.toMatchObject({ code: "INPUT", message: expect.stringMatching(/^\S+ vanished while it was being read: put it back/) });
  });

  test("between its detection and its description is named", async () => {
    writeFiles(folder, { "train/a/0.png": "", "train/b/0.png": "", "test/a/0.png": "", "test/b/0.png": "" });
    const info = dataInfo({ path: folder, format: "auto" }, 1);
    vanish();
    await expect(info).rejects.toMatchObject({ code: "INPUT", message: expect.stringContaining(`${folder} vanished`) });
  });

  function vanishOnce(): () => void {
    let gone = false;
    return () => {
      if (!gone) vanish();
      gone = true;
    };
  }
});
