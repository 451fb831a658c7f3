import { existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { makeRoom, storePlace, storesIn } from "../../../src-main/data/store/place";

describe("the place of decoded images", () => {
  const at = (environment: Record<string, string>, platform: NodeJS.Platform) => storePlace(environment, platform).folder;

  test("follows each system's convention", () => {
    expect(at({ XDG_CACHE_HOME: "/cache" }, "linux")).toBe("/cache/distill-studio/images");
    expect(at({}, "linux")).toBe(join(homedir(), ".cache/distill-studio/images"));
    // The convention has relative paths ignored.
    expect(at({ XDG_CACHE_HOME: "cache" }, "linux")).toBe(join(homedir(), ".cache/distill-studio/images"));
    expect(at({}, "darwin")).toBe(join(homedir(), "Library/Caches/Distill Studio/images"));
    expect(at({ LOCALAPPDATA: "/local" }, "win32")).toBe("/local/Distill Studio/Cache/images");
  });

  test("is none for a user without a home folder", () => {
    expect([storePlace({}, "linux", null).folder, storePlace({ DISTILL_CACHE: "/big" }, "linux", null).folder]).toEqual([null, "/big/images"]);
  });

  test("can be moved, limited and switched off", () => {
    expect(at({ DISTILL_CACHE: "/big", XDG_CACHE_HOME: "/cache" }, "linux")).toBe("/big/images");
    expect(at({ DISTILL_CACHE: "off" }, "linux")).toBeNull();
    expect([storePlace({}).limitBytes, storePlace({ DISTILL_CACHE_GB: "1.5" }).limitBytes]).toEqual([50e9, 1.5e9]);
  });

  test("names a value that is not understood", () => {
    expect(() => storePlace({ DISTILL_CACHE: "here" })).toThrow('DISTILL_CACHE: expected the whole path of a folder, or "off", got "here"');
    expect(() => storePlace({ DISTILL_CACHE_GB: "lots" })).toThrow('DISTILL_CACHE_GB: expected a number of gigabytes, got "lots"');
  });
});

describe("room for a new store", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "stores-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** Its key is 32 times the digit. */
  function store(digit: string, kilobytes: number, day: number): string {
    const path = join(folder, digit.repeat(32));
    mkdirSync(path);
    writeFileSync(join(path, "pixels"), Buffer.alloc(1024 * kilobytes, 1));
    writeFileSync(join(path, "about.json"), JSON.stringify({ images: `/photos/${digit}`, fullBytes: 1_000_000 }));
    utimesSync(join(path, "about.json"), 86_400 * day, 86_400 * day);
    return path;
  }

  test("comes from those that were not used for the longest time, and from nothing else in the folder", () => {
    const [old, older, young] = [store("a", 400, 2), store("b", 400, 1), store("c", 400, 3)];
    mkdirSync(join(folder, "holiday"));
    const { removed } = makeRoom({ folder, limitBytes: 1_500_000 }, "d".repeat(32), 600_000);
    expect(removed.map(({ images }) => images)).toEqual(["/photos/b"]);
    expect([old, older, young, join(folder, "holiday")].map((path) => existsSync(path))).toEqual([true, false, true, true]);
    expect(storesIn(folder).map(({ images }) => images)).toEqual(["/photos/a", "/photos/c"]);
  });

  test("is not taken from stores that may be in use, which are going to be filled", () => {
    const used = store("a", 400, Date.now() / 86_400_000);
    const { removed, room } = makeRoom({ folder, limitBytes: 1_500_000 }, "d".repeat(32), 600_000);
    expect([removed, room, existsSync(used)]).toEqual([[], 500_000, true]);
  });

  test("is not taken from the store itself, and never more than the limit", () => {
    const own = store("a", 400, 1);
    const { removed, room } = makeRoom({ folder, limitBytes: 1_000_000 }, "a".repeat(32), 5_000_000);
    expect([removed, room, existsSync(own)]).toEqual([[], 1_000_000, true]);
  });
});
