import { mkdtempSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { loadAddon } from "../../../src-main/backend/load";
import { DiskStore } from "../../../src-main/data/store/disk-store";
import { useBackend } from "../../../src-main/tensor/tensor";
import { changeByte } from "./change-byte";

useBackend(loadAddon());

const BYTES = 48;
const ROOM = 1e9;

let folder: string;
const opened: DiskStore[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "disk-store-"));
});
afterEach(() => {
  for (const store of opened.splice(0)) store.close();
  rmSync(folder, { recursive: true });
});

function open(room = ROOM): DiskStore {
  opened.push(new DiskStore(folder, 10, BYTES, room));
  return opened.at(-1)!;
}
const image = (value: number) => new Uint8Array(BYTES).fill(value);
function read(store: DiskStore, n: number): Uint8Array | null {
  const to = new Uint8Array(BYTES);
  return store.read(n, to) ? to : null;
}

test("gives back what an earlier start kept, and nothing else", () => {
  const first = open();
  expect(first.write(7, image(3))).toBe(true);
  expect(first.write(0, image(0))).toBe(true);
  const second = open();
  expect([read(second, 7), read(second, 0), read(second, 6)]).toEqual([image(3), image(0), null]);
  expect([second.has(7), second.has(6)]).toEqual([true, false]);
});

test("notices pixels that were changed, and takes them anew", () => {
  open().write(2, image(5));
  changeByte(join(folder, "pixels"), 2 * BYTES + 20);
  const store = open();
  expect(read(store, 2)).toBeNull();
  store.write(2, image(5));
  expect(read(store, 2)).toEqual(image(5));
});

test("notices a checksum that was changed", () => {
  open().write(2, image(5));
  changeByte(join(folder, "sums"), 2 * 8);
  expect(read(open(), 2)).toBeNull();
});

test.each(["pixels", "sums"])("notices that %s became shorter", (file) => {
  const store = open();
  store.write(2, image(5));
  store.write(9, image(6));
  truncateSync(join(folder, file), file === "pixels" ? 3 * BYTES : 3 * 8);
  const again = open();
  expect([read(again, 2), read(again, 9)]).toEqual([image(5), null]);
});

test("goes on while another process cuts its file", () => {
  const store = open();
  store.write(9, image(6));
  writeFileSync(join(folder, "pixels"), "");
  expect(read(store, 9)).toBeNull();
});

test("shows each of two processes what the other added meanwhile", () => {
  const [one, other] = [open(), open()];
  one.write(4, image(1));
  expect(read(other, 4)).toEqual(image(1));
  other.write(4, image(1));
  other.write(5, image(2));
  expect([read(one, 4), read(one, 5)]).toEqual([image(1), image(2)]);
});

test("takes no more than it has room for, and says how many are left without", () => {
  expect(open().homeless).toBe(0);
  const none = open(BYTES - 1);
  expect([none.write(1, image(1)), none.homeless]).toEqual([false, 10]);
  const some = open(3 * BYTES);
  expect([1, 2, 3, 4].map((n) => some.write(n, image(n)))).toEqual([true, true, true, false]);
  expect(some.homeless).toBe(7);
});

test("takes room on the disk only for what it holds", () => {
  const store = new DiskStore(folder, 1_000_000, 3072, ROOM);
  opened.push(store);
  store.write(999_999, new Uint8Array(3072).fill(1));
  const { blocks } = statSync(join(folder, "pixels"));
  expect(blocks * 512).toBeLessThan(100_000);
  expect(readdirSync(folder).sort()).toEqual(["pixels", "sums"]);
});
