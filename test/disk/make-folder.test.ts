import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeFolder } from "../../src-main/disk/make-folder";

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "make-folder-"));
});
afterEach(() => rmSync(home, { recursive: true }));

test("makes the folders above it, and may be called again", () => {
  for (let i = 0; i < 2; i++) makeFolder(join(home, "a", "b", "c"));
  expect(existsSync(join(home, "a", "b", "c"))).toBe(true);
});

test("says what the system says where a file is in the way", () => {
  writeFileSync(join(home, "file"), "");
  expect(() => makeFolder(join(home, "file", "b"))).toThrow(/EEXIST|ENOTDIR/);
  expect(() => makeFolder(join(home, "file"))).toThrow(/EEXIST/);
});

test.runIf(process.platform === "linux")("ends where the system makes no folders", () => {
  expect(() => makeFolder("/proc/no-such/folder")).toThrow(/ENOENT/);
});
