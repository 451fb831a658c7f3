// Files and folders that the system refuses: to another user, as root may read everything. Where there is none to become, tests are skipped.
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { PROGRAM } from "../cli/distill";
import { png } from "../data/image-files";

let cwd: string;
const at = (name: string) => path.join(cwd, name);

beforeEach(async () => {
  cwd = mkdtempSync(path.join(tmpdir(), "distill-permissions-"));
  chmodSync(cwd, 0o777);
  for (const [n, name] of ["train/cat", "train/dog", "test/cat", "test/dog"].entries()) {
    mkdirSync(at(`photos/${name}`), { recursive: true });
    for (const k of [0, 1]) writeFileSync(at(`photos/${name}/${k}.png`), await png(32, 32, [50 * n, 90 * k, 9]));
  }
  mkdirSync(at("photos/train/cat/private"));
  writeFileSync(at("photos/train/cat/private/2.png"), await png(32, 32, [1, 1, 1]));
  writeFileSync(at("recipe.json"), JSON.stringify({ data: { path: "photos" }, student: { model: "vit_micro_patch4_32" }, train: { epochs: 1, batchSize: 4 } }));
});
afterEach(() => {
  for (const name of ["photos/train/cat/private", "photos/train/dog"]) chmodSync(at(name), 0o777);
  rmSync(cwd, { recursive: true });
});

const ANOTHER = process.getuid?.() === 0 ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : ["env"];
const asAnother = (...args: string[]) => {
  const [program, ...first] = [...ANOTHER, process.execPath, PROGRAM, ...args] as [string, ...string[]];
  const { status, stdout, stderr } = spawnSync(program, first, { cwd, encoding: "utf8", env: { ...process.env, HOME: cwd, DISTILL_CACHE: "off" } });
  return { status, out: stdout, err: stderr };
};
const canBeAnother = process.platform === "linux" && spawnSync(ANOTHER[0]!, [...ANOTHER.slice(1), process.execPath, PROGRAM, "--version"]).status === 0;

test("a folder in a class that may not be read is left out, and an image is named with the reason, or skipped", ({ skip }) => {
  if (!canBeAnother) skip("there is no other user to become here");
  chmodSync(at("photos/train/cat/private"), 0);
  chmodSync(at("photos/train/cat/1.png"), 0);
  const refused = asAnother("train", "--recipe", "recipe.json", "--out", "first");
  expect([refused.status, refused.err]).toEqual([
    1,
    expect.stringMatching(/train\/cat\/1\.png cannot be read as an image: this program may not read it; change its permissions/),
  ]);
  const { status, err } = asAnother("train", "--recipe", "recipe.json", "--set", "data.skipUnreadable=true", "--out", "second");
  expect([status, err]).toEqual([0, expect.stringContaining("1 file or folder that may not be read (train/cat/private: EACCES)")]);
  expect(readFileSync(at("second/left-out.csv"), "utf8").split("\n").sort()).toEqual([
    "",
    "path,reason",
    "train/cat/1.png,image that cannot be read: this program may not read it; change its permissions",
    "train/cat/private,file or folder that may not be read: EACCES",
  ]);
});

test("a class that may not be read is an error that names it", ({ skip }) => {
  if (!canBeAnother) skip("there is no other user to become here");
  chmodSync(at("photos/train/dog"), 0);
  for (const args of [
    ["data", "info", "photos"],
    ["train", "--recipe", "recipe.json", "--out", "run"],
  ]) {
    const { status, err } = asAnother(...args);
    expect([status, err]).toEqual([1, expect.stringMatching(/photos\/train\/dog is a class that may not be read: change its permissions/)]);
  }
});

test("a recipe or weights that may not be read are an error that names them", ({ skip }) => {
  if (!canBeAnother) skip("there is no other user to become here");
  writeFileSync(at("weights.safetensors"), "");
  for (const name of ["recipe.json", "weights.safetensors"]) chmodSync(at(name), 0);
  const recipe = asAnother("train", "--recipe", "recipe.json", "--out", "run");
  expect([recipe.status, recipe.err]).toEqual([1, expect.stringMatching(/recipe\.json.*(permission|may not be read)/)]);
  const weights = asAnother("evaluate", "--weights", "weights.safetensors", "--model", "vit_micro_patch4_32", "--data", "photos");
  expect([weights.status, weights.err]).toEqual([1, expect.stringMatching(/weights\.safetensors.*(permission|may not be read)/)]);
});
