import { cpSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { expectLocked, FolderLock, type LockContent, ownerOf } from "../../src-main/runs/lock";
import { backend, useBackend } from "../../src-main/tensor/tensor";

const addon = loadAddon();
useBackend(addon);

const me = { program: "command line", run: "mine", socket: null, token: "secret" } as const;
let parent: string;
let directory: string;
let file: string;
beforeEach(() => {
  useBackend(addon);
  parent = mkdtempSync(join(tmpdir(), "distill-lock-"));
  directory = join(parent, "run");
  mkdirSync(directory);
  file = join(directory, "lock");
});
afterEach(() => rmSync(parent, { recursive: true }));

/** Leaves the lock of an owner that is not this process. The fields that are given differ from those of this process. */
function leave(different: Partial<LockContent>, secondsAgo = 3600): void {
  const lock = FolderLock.take(directory, me);
  const content = JSON.parse(readFileSync(file, "utf8"));
  lock.release();
  writeFileSync(file, JSON.stringify({ ...content, run: "theirs", ...different }));
  const then = new Date(Date.now() - secondsAgo * 1000);
  utimesSync(file, then, then);
}

/** As on a file system that knows no locks. */
const withoutSystemLocks = () => useBackend({ ...backend(), lockFile: () => "not supported" });

const take = (takeOver = false) => FolderLock.take(directory, me, takeOver);

describe("a lock", () => {
  test("names its owner, is readable by the user alone, and is gone when released", () => {
    const lock = take();
    expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({ ...me, pid: process.pid });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(ownerOf(directory)).toMatchObject({ pid: process.pid, host: null, program: "command line" });
    lock.release();
    expect(ownerOf(directory)).toBeNull();
    take().release();
  });

  test("is had by one only, even in one process, and the other changes nothing", () => {
    const lock = take();
    const before = readFileSync(file, "utf8");
    expect(() => take()).toThrow(new RegExp(`is being trained by process ${process.pid} \\(command line, since .*stop it there, or watch it$`));
    expect(() => take(true)).toThrow("is being trained");
    expect(readFileSync(file, "utf8")).toBe(before);
    lock.release();
  });

  test("gives signs of life", () => {
    const lock = take();
    const old = new Date("2001-01-01");
    utimesSync(file, old, old);
    lock.beat();
    expect(ownerOf(directory)!.lastSign > "2002").toBe(true);
    lock.release();
  });

  test("does not follow a copy of the folder", () => {
    const lock = take();
    cpSync(directory, join(parent, "copy"), { recursive: true });
    expect(ownerOf(join(parent, "copy"))).toBeNull();
    FolderLock.take(join(parent, "copy"), me).release();
    lock.release();
  });

  test("follows a folder that is moved, and its owner notices", () => {
    const lock = take();
    expectLocked(directory, lock.identity);
    renameSync(directory, join(parent, "moved"));
    expect(() => expectLocked(directory, lock.identity)).toThrow(/was moved or deleted while it was being trained.*resume it where it is now/);
    expect(() => FolderLock.take(join(parent, "moved"), me)).toThrow("is being trained");
    mkdirSync(directory);
    expect(() => expectLocked(directory, lock.identity)).toThrow(/lost its file lock/);
    take().release();
    lock.release();
    FolderLock.take(join(parent, "moved"), me).release();
  });
});

describe.each([
  ["with the system's locks", () => {}],
  ["without them", withoutSystemLocks],
])("an owner that is gone, %s", (_, prepare) => {
  beforeEach(prepare);

  test.each<[string, Partial<LockContent>]>([
    ["whose process has ended", { pid: 2 ** 22 + 1 }],
    ["whose number another program has now", { started: "1" }],
    ["that ran before this computer was restarted", { boot: "another", pid: 1 }],
  ])("%s", (_, different) => {
    leave(different);
    expect(ownerOf(directory)).toBeNull();
    take().release();
  });

  test("that died while it took the lock", () => {
    for (const content of ["", "\0\0\0\0", '{"pid":']) {
      writeFileSync(file, content);
      const then = new Date(Date.now() - 3_600_000);
      utimesSync(file, then, then);
      take().release();
    }
  });
});

test("an owner in a container of this kernel that was started again, with the same small numbers, is gone", () => {
  leave({ space: "pid:[1]", pid: process.pid });
  take().release();
});

describe("an owner of whom nothing can be known", () => {
  test.each<[string, Partial<LockContent>, () => void]>([
    ["on another computer", { host: "elsewhere", boot: "theirs" }, () => {}],
    ["in another container, on a file system without locks", { space: "pid:[1]" }, withoutSystemLocks],
    ["on a copy of this computer's system that gave a sign of life a moment ago", { boot: "theirs" }, () => leaveAgain({ boot: "theirs" }, 5)],
  ])("%s: a person decides", (_, different, prepare) => {
    leave(different);
    prepare();
    const before = readFileSync(file, "utf8");
    expect(() => take()).toThrow(/may still be trained by process .*last sign of life is from 20.*take the run over$/);
    expect(() => take()).toThrow(expect.objectContaining({ code: "PERHAPS_HELD" }));
    expect(readFileSync(file, "utf8")).toBe(before);
    expect(ownerOf(directory)).not.toBeNull();
    take(true).release();
  });

  const leaveAgain = (different: Partial<LockContent>, secondsAgo: number) => {
    rmSync(file);
    leave(different, secondsAgo);
  };

  test("an owner whose lock was taken over writes nothing more", () => {
    const lock = take();
    rmSync(file);
    const later = take();
    expect(() => expectLocked(directory, lock.identity)).toThrow("was taken over by another process");
    lock.release();
    expectLocked(directory, later.identity);
    later.release();
  });
});
