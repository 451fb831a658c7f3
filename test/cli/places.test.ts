// Where people put this program and its runs.
import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { distill, type Finished, PROGRAM } from "./distill";

let cwd: string;
beforeAll(() => {
  cwd = mkdtempSync(path.join(tmpdir(), "distill-places-"));
  const recipe = {
    data: { path: "bundled", trainLimit: 16, testLimit: 8 },
    teacher: null,
    student: { model: "vit_micro_patch4_32" },
    train: { epochs: 1, batchSize: 8, warmupEpochs: 0 },
  };
  writeFileSync(path.join(cwd, "recipe.json"), JSON.stringify(recipe));
});
afterAll(() => rmSync(cwd, { recursive: true }));

const TRAIN = ["train", "--recipe", "recipe.json", "--out"];

function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): Finished {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], { cwd, env, encoding: "utf8" });
  return { status, out: stdout, err: stderr };
}

test("program and run may lie in folders with spaces, accents, emoji, # and %", () => {
  const root = path.resolve(PROGRAM, "../../..");
  const copy = path.join(cwd, "My Près 🐱", "distill #1 100%");
  mkdirSync(path.join(copy, "native/build/Release"), { recursive: true });
  for (const part of ["out/cli", "out/engine", "native/build/Release/distill_core.node"])
    cpSync(path.join(root, part), path.join(copy, part), { recursive: true });
  for (const part of ["node_modules", "assets"]) symlinkSync(path.join(root, part), path.join(copy, part));
  const { status, err } = run(path.join(copy, "out/cli/distill.cjs"), [...TRAIN, "a run #2 50% 🐱"]);
  expect([status, err.match(/^error.*/m)]).toEqual([0, null]);
  expect(existsSync(path.join(cwd, "a run #2 50% 🐱", "student.safetensors"))).toBe(true);
});

test("neither a home folder nor one for temporary files is needed", () => {
  const { HOME: _, XDG_RUNTIME_DIR: __, XDG_CACHE_HOME: ___, ...rest } = process.env;
  const { status, err } = run(PROGRAM, [...TRAIN, "homeless"], { ...rest, TMPDIR: "/nonexistent" });
  expect([status, err.match(/^error.*/m)]).toEqual([0, null]);
});

test.each(["C", "de_DE.UTF-8", "tr_TR.UTF-8"])("numbers and words do not depend on the language: %s", (locale) => {
  const env = { ...process.env, LC_ALL: locale, LANG: locale };
  const { out } = run(PROGRAM, ["data", "info", "bundled"], env);
  expect(out).toMatch(/^all +5000 +1000$/m);
  const { status, err } = run(
    PROGRAM,
    ["predict", "--model", "resnet20_cifar10", "--weights", "bundled", "--images", "a.png", "--mean", "0,485,0,456,0,406"],
    env,
  );
  expect(status).toBe(2);
  expect(err).toContain("expected three numbers from 0 to 1");
});

test("--out that is a file is refused, in JSON too", async () => {
  const { status, out } = await distill([...TRAIN, "recipe.json", "--json"], cwd);
  expect(status).toBe(1);
  expect(JSON.parse(out)).toEqual({ error: { code: "INPUT", message: expect.stringContaining("recipe.json is a file: expected a folder") } });
});

test("a folder that may not be written to is told before anything is read", async ({ skip }) => {
  if (process.getuid?.() === 0 || process.platform === "win32") skip("this user may write anywhere");
  mkdirSync(path.join(cwd, "closed"));
  chmodSync(path.join(cwd, "closed"), 0o555);
  const { status, err } = await distill([...TRAIN, "closed/run"], cwd);
  expect(status).toBe(1);
  expect(err).toContain(`${path.join(cwd, "closed")} cannot be written to`);
});
