import type { Dirent } from "node:fs";
import { expect, test, vi } from "vitest";
import { filesBelow } from "../../../src-main/data/folder/class-files";

const MANY = 130_000;

/** To make so many files takes a minute on a slow disk. */
vi.mock("node:fs", async (original) => {
  const fs = await original<typeof import("node:fs")>();
  const entry = (n: number) => Object.assign(Object.create(fs.Dirent.prototype) as Dirent, { name: `${n}.${n % 2 ? "png" : "txt"}`, isFile: () => true });
  return { ...fs, readdirSync: () => Array.from({ length: 2 * MANY }, (_, n) => entry(n)), openSync: () => 0, readSync: () => 0, closeSync: () => {} };
});

test("more files than a call takes arguments are listed, and as many left out", async () => {
  const { files, leftOut } = await filesBelow("/photos", "train/cat");
  expect([files.length, leftOut.length, leftOut[0]]).toEqual([MANY, MANY, { path: "train/cat/0.txt", reason: "no-image" }]);
});
