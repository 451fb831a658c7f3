import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { openDataset } from "../../src-main/data/open-dataset";
import { useBackend } from "../../src-main/tensor/tensor";
import { png, writeFiles } from "./image-files";

useBackend(loadAddon());

let folder: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "distill-unreadable-"));
  const good = await png(6, 6, [1, 2, 3]);
  const cut = good.subarray(0, 60);
  const bad = Object.fromEntries(Array.from({ length: 30 }, (_, n) => [`train/dog/${n}.png`, n % 3 === 0 ? "" : n % 3 === 1 ? "<html>" : cut]));
  writeFiles(folder, { ...bad, "train/cat/1.png": good, "train/dog/good.png": good, "test/cat/1.png": good, "test/dog/1.png": good, "test/dog/bad.png": "" });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** `heldBytes`: 0 leaves the images to be read when they are needed. */
const open = (skipUnreadable: boolean, heldBytes?: number) =>
  openDataset({ path: folder, format: "auto", trainLimit: null, testLimit: null, skipUnreadable }, { heldBytes });

describe("images that cannot be read", () => {
  test("are an error that names all of them with the reason, and says how to go on", async () => {
    const error = await open(false).catch((error: Error) => error);
    const lines = (error as Error).message.split("\n");
    expect(lines[0]).toBe(
      "31 images cannot be read: replace or remove them, or set data.skipUnreadable=true (or --skip-unreadable, where the command has it) to go on without what cannot be read",
    );
    expect(lines).toHaveLength(32);
    expect(lines).toContain(`${join(folder, "train/dog/0.png")} cannot be read as an image: it is empty`);
    expect(lines).toContain(`${join(folder, "train/dog/1.png")} cannot be read as an image: it is a web page, not an image`);
    expect(lines).toContainEqual(expect.stringMatching(/train\/dog\/2\.png cannot be read as an image: it is cut off or damaged/));
  });

  test.each([undefined, 0])("are skipped on request, and named (held bytes: %s)", async (heldBytes) => {
    const data = await open(true, heldBytes);
    expect([data.train.count, data.test.count, [...data.train.labels], data.train.files]).toEqual([2, 2, [0, 1], ["train/cat/1.png", "train/dog/good.png"]]);
    expect(data.leftOut).toHaveLength(31);
    expect(data.leftOut).toContainEqual({ path: "train/dog/0.png", reason: "unreadable", detail: "it is empty" });
    expect(data.said.map(({ text }) => text)).toContainEqual(
      expect.stringMatching(/^31 of 35 images cannot be read and are skipped \(test\/dog\/bad\.png: it is empty, and others\)/),
    );
    data.release();
  });

  test("are no reason to lose a class", async () => {
    rmSync(join(folder, "train/dog/good.png"));
    await expect(open(true)).rejects.toMatchObject({
      code: "INPUT",
      message: 'none of the training images of "dog" can be read: replace them, or remove the class',
    });
  });
});
