import { execFileSync, spawnSync } from "node:child_process";
import { closeSync, constants, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { OpenFile, readText } from "../../src-main/disk/open-file";
import { thisProcess } from "../../src-main/disk/process-identity";
import { anew, anewInTime, insteadOf, insteadOfInTime, writeFileBeside } from "../../src-main/disk/write-beside";
import { putInPlace, writeWhole } from "../../src-main/disk/write-whole";
import { withFault } from "../faults/faulty-files";

vi.mock("node:fs", async () => (await import("../faults/faulty-files")).faultyFiles);

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "distill-disk-"));
  path = join(folder, "notes.txt");
});
afterEach(() => rmSync(folder, { recursive: true }));

describe("a file that is written whole", () => {
  test("is synced before it takes its name, and its folder after", async () => {
    const changes = await withFault(null, async () => writeWhole(path, "new"));
    const partial = `${path}.partial`;
    expect(changes.map(({ call, path }) => [call, path])).toEqual([
      ["openSync", partial],
      ["writeSync", partial],
      ["fsyncSync", partial],
      ["fsyncSync", folder],
      ["renameSync", partial],
      ["fsyncSync", folder],
    ]);
  });

  test.skipIf(process.platform === "win32")("leaves a pipe a pipe, and goes through it", () => {
    execFileSync("mkfifo", [path]);
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    writeWhole(path, "new");
    expect(readFileSync(reader, "utf8")).toBe("new");
    closeSync(reader);
    expect(statSync(path).isFIFO()).toBe(true);
  });

  test("is the old one or the new one after any fault, and the error names it", async () => {
    for (const kind of ["full", "fail"] as const) {
      for (let at = 0; at < 6; at++) {
        writeFileSync(path, "old");
        let message = "";
        await withFault({ at, kind }, async () => {
          try {
            writeWhole(path, "new");
          } catch (error) {
            ({ message } = error as Error);
          }
        });
        if (message) expect(message).toContain(at === 3 || at === 5 ? folder : path);
        expect(readFileSync(path, "utf8")).toBe(message && at < 5 ? "old" : "new");
        expect(readdirSync(folder)).toEqual(["notes.txt"]);
      }
    }
  });
});

describe("what is written to a place that a person named", () => {
  beforeEach(() => {
    mkdirSync(`${path}.partial`);
    writeFileSync(join(`${path}.partial`, "mine"), "");
    writeFileSync(path, "old");
  });
  const around = () => readdirSync(folder, { recursive: true }).sort();
  const MINE = ["notes.txt", "notes.txt.partial", join("notes.txt.partial", "mine")];

  test("takes no other name there, whole or not, and errors name the place", async () => {
    for (let at = 0; at < 8; at++) {
      let message = "";
      await withFault({ at, kind: "fail" }, async () => {
        try {
          writeFileBeside(path, "new");
        } catch (error) {
          ({ message } = error as Error);
        }
      });
      expect(message).not.toMatch(/\.partial|\.distill-/);
      if (message)
        expect(
          [`${folder} cannot be written`, `${path} cannot be written`].some((words) => message.startsWith(words)),
          message,
        ).toBe(true);
      expect(around()).toEqual(MINE);
    }
    writeFileBeside(path, "new");
    expect([readFileSync(path, "utf8"), around()]).toEqual(["new", MINE]);
  });

  test("may be a folder, and one that fails is gone", async () => {
    const made = insteadOf(join(folder, "made"), (at) => {
      mkdirSync(at);
      return "told";
    });
    expect([made, around()]).toEqual(["told", ["made", ...MINE]]);
    const fails = insteadOfInTime(join(folder, "failed"), async (at) => {
      mkdirSync(at);
      throw new Error("no");
    });
    await expect(fails).rejects.toThrow("no");
    expect(around()).toEqual(["made", ...MINE]);
  });

  test("may have to be new: what somebody made meanwhile stays", async () => {
    const file = join(folder, "new");
    const write = (at: string) => writeFileSync(at, "ours");
    anew(file, write);
    expect([readFileSync(file, "utf8"), around()]).toEqual(["ours", [...MINE, "new"].sort()]);
    const late = (name: string, make: (at: string) => void) => () =>
      anew(join(folder, name), (at) => {
        make(at);
        writeFileSync(join(folder, name), "theirs");
      });
    for (const make of [write, (at: string) => mkdirSync(at)]) {
      expect(late("late", make)).toThrow("late: something of that name was made meanwhile, and nothing is overwritten");
      expect(readFileSync(join(folder, "late"), "utf8")).toBe("theirs");
      rmSync(join(folder, "late"));
    }
    await expect(anewInTime(file, async (at) => write(at))).rejects.toThrow("made meanwhile");
  });

  test("what a process that has ended left there goes with the next, and nothing else", () => {
    const { pid } = spawnSync(process.execPath, ["--version"]);
    const me = thisProcess();
    const left = (name: string, owner: object | string | null) => {
      mkdirSync(join(folder, name));
      if (owner) writeFileSync(join(folder, name, ".written-by"), typeof owner === "string" ? owner : JSON.stringify(owner));
    };
    left(".distill-ended", { ...me, pid });
    const kept = [".distill-alive", ".distill-elsewhere", ".distill-restarted", ".distill-mine", ".distill-torn"];
    left(".distill-alive", me);
    left(".distill-elsewhere", { ...me, pid, host: "another" });
    // Or of a copy of this computer, which wrote it just now.
    left(".distill-restarted", { ...me, pid, boot: me.boot && "another" });
    left(".distill-mine", null);
    left(".distill-torn", '{"pid"');
    left("another", { ...me, pid });
    writeFileBeside(path, "new");
    expect(readdirSync(folder).filter((name) => name.startsWith(".distill-"))).toEqual(
      me.boot === null ? kept.filter((name) => !/restarted/.test(name)).sort() : kept.sort(),
    );
    expect(readdirSync(folder)).toContain("another");
    if (me.boot === null) return;
    const yesterday = new Date(Date.now() - 25 * 3_600_000);
    utimesSync(join(folder, ".distill-restarted", ".written-by"), yesterday, yesterday);
    writeFileBeside(path, "new");
    expect(readdirSync(folder)).not.toContain(".distill-restarted");
  });
});

describe("an open file", () => {
  test.each([
    ["write", () => new OpenFile(path, "w"), (file: OpenFile) => file.write("x"), "cannot be written (EIO: i/o error, write)"],
    ["fsync", () => new OpenFile(path, "a"), (file: OpenFile) => file.sync(), "cannot be written (EIO: i/o error, fsync)"],
  ])("names itself where the system names nothing: %s", async (_, open, act, message) => {
    const file = open();
    await withFault({ at: 0, kind: "fail" }, async () => expect(() => act(file)).toThrow(`${path} ${message}`));
  });

  test("is named, too, when it is closed already or cannot be read", () => {
    const file = new OpenFile(path, "w");
    file.close();
    for (const act of [() => file.close(), () => file.write("x"), () => file.sync(), () => file.read(new Uint8Array(1), 0), () => file.size])
      expect(act).toThrow(/notes\.txt cannot be (closed|written|read) \(EBADF/);
    expect(() => readText(folder)).toThrow(`${folder} cannot be read: expected a file, got a folder or a device`);
    expect(() => readText(join(folder, "absent"))).toThrow("absent cannot be read (ENOENT");
  });

  test("knows what became of its name", () => {
    const file = new OpenFile(path, "a");
    expect(file.whereabouts).toBe("in place");
    writeFileSync(join(folder, "other"), "");
    putInPlace(join(folder, "other"), path);
    expect(file.whereabouts).toBe("replaced");
    rmSync(path);
    expect(file.whereabouts).toBe("deleted");
    mkdirSync(path);
    expect(file.whereabouts).toBe("replaced");
    file.close();
  });
});
