import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { deleteRun } from "../../src-main/runs/delete";
import { useBackend } from "../../src-main/tensor/tensor";
import { finishedRun } from "./example-run";

vi.mock("node:fs", async (original) => {
  const fs = await original<typeof import("node:fs")>();
  return { ...fs, rmSync: vi.fn(fs.rmSync) };
});

useBackend(loadAddon());

let parent: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), "distill-delete-"));
});
afterEach(() => rmSync(parent, { recursive: true }));

const at = (...names: string[]) => join(parent, ...names);
const CHECKPOINTS = ["latest.safetensors", "latest.safetensors.partial", "previous.safetensors", "damaged.safetensors", "damaged-2.safetensors"];

function run(...names: string[]): string {
  const directory = finishedRun(at(...names));
  mkdirSync(join(directory, "checkpoint"));
  for (const file of CHECKPOINTS) writeFileSync(join(directory, "checkpoint", file), "");
  return directory;
}

test("leaves nothing of what a run and a comparison write", () => {
  run("runs", "sweep", "seed-0", "control");
  run("runs", "sweep", "seed-0", "student");
  for (const file of ["comparison.json", "report.html", "report.html.partial"]) writeFileSync(at("runs", "sweep", file), "");
  expect(deleteRun(at("runs", "sweep"))).toEqual({ deleted: 2, kept: [] });
  expect(readdirSync(at("runs"))).toEqual([]);
});

describe("leaves and names what is not the program's", () => {
  test("beside a run's files and among its checkpoints", () => {
    const directory = run("run");
    const foreign = ["best.safetensors", "notes.txt", "damaged-copy.safetensors"].map((name) => join(directory, "checkpoint", name));
    // A report that somebody had written into the folder is no part of a run of one arm.
    foreign.push(join(directory, "report.html"));
    for (const file of foreign) writeFileSync(file, "");
    mkdirSync(join(directory, "figures"));
    const { kept } = deleteRun(directory);
    expect(kept.sort()).toEqual([...foreign, join(directory, "figures")].sort());
    expect(kept.every(existsSync)).toBe(true);
    expect(existsSync(join(directory, "recipe.json"))).toBe(false);
  });

  test("links, wherever they lead, and what they lead to", () => {
    const directory = run("run");
    const elsewhere = at("elsewhere");
    mkdirSync(elsewhere);
    writeFileSync(join(elsewhere, "latest.safetensors"), "");
    rmSync(join(directory, "checkpoint"), { recursive: true });
    symlinkSync(elsewhere, join(directory, "checkpoint"));
    symlinkSync(at("nowhere"), join(directory, "dangling"));
    expect(deleteRun(directory).kept.sort()).toEqual([join(directory, "checkpoint"), join(directory, "dangling")]);
    expect(readdirSync(elsewhere)).toEqual(["latest.safetensors"]);
  });

  test("a folder that has the name of a file", () => {
    const directory = run("run");
    rmSync(join(directory, "student.safetensors"), { force: true });
    mkdirSync(join(directory, "student.safetensors"));
    expect(deleteRun(directory).kept).toEqual([join(directory, "student.safetensors")]);
  });
});

test("says which file cannot be deleted, why and what to do, and can be repeated", () => {
  const directory = run("run");
  vi.mocked(rmSync).mockImplementationOnce((path) => {
    throw Object.assign(new Error(`EROFS: read-only file system, unlink '${path}'`), { code: "EROFS", syscall: "unlink" });
  });
  expect(() => deleteRun(directory)).toThrow(
    /checkpoint\/\S+\.safetensors\S* cannot be deleted \(EROFS: .*\): that file system can only be read; make it writable/,
  );
  expect(deleteRun(directory)).toEqual({ deleted: 1, kept: [] });
});

test("follows no link to a run's folder, and says where it leads", () => {
  const directory = run("run");
  symlinkSync(directory, at("link"));
  expect(() => deleteRun(at("link"))).toThrow(/link is a link: .*name that folder itself, .*run$/);
  expect(readdirSync(directory)).toContain("recipe.json");
});
