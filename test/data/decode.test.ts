import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { decode } from "../../src-main/data/decode";

// Root may read everything, so that a file mode would not do.
vi.mock("node:fs/promises", async (original) => {
  const promises = await original<typeof import("node:fs/promises")>();
  const access = async (path: string, mode: number) => {
    if (path.endsWith("private.png")) throw Object.assign(new Error(`EACCES: permission denied, access '${path}'`), { code: "EACCES" });
    return promises.access(path, mode);
  };
  return { ...promises, access };
});

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "decode-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const pixels = Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => (i * 7919) % 251);
const image = () => sharp(pixels, { raw: { width: 64, height: 64, channels: 3 } });
const encoded = { jpg: () => image().jpeg().toBuffer(), png: () => image().png().toBuffer(), webp: () => image().webp().toBuffer() };
const part = async (format: keyof typeof encoded, share: number) => (await encoded[format]()).subarray(0, share * (await encoded[format]()).length);

const damaged = "it is cut off or damaged; replace it, or remove it from the folder";
const unknown = "by its content it is no JPEG, PNG, WebP, GIF, TIFF or AVIF; convert it, or remove it from the folder";

test.each<[name: string, content: () => Buffer | Promise<Buffer>, reason: string]>([
  ["cut.jpg", () => part("jpg", 0.6), damaged],
  ["cut.png", () => part("png", 0.6), damaged],
  ["cut.webp", () => part("webp", 0.6), damaged],
  ["header.png", () => part("png", 0.03), damaged],
  ["changed.png", async () => Buffer.from((await encoded.png()).fill(7, 300, 340)), damaged],
  ["shopping.jpg", () => Buffer.from("milk, eggs"), unknown],
  ["nothing.png", () => Buffer.alloc(0), "it is empty"],
  ["private.png", () => encoded.png(), "this program may not read it; change its permissions"],
])("says in words why %s cannot be read", async (name, content, reason) => {
  const path = join(folder, name);
  writeFileSync(path, await content());
  await expect(decode({ path })).rejects.toThrow(`${path} cannot be read as an image: ${reason}`);
});
