import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Method, Methods } from "../../src-main/contract/engine";
import { parseRecipe } from "../../src-main/contract/parse-recipe";
import { Permits } from "../../src-main/engine/permits";
import { SCHEMA } from "../../src-main/runs/files";

let folder: string;
let permits: Permits;

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "permits-")));
  mkdirSync(join(folder, "runs"));
  permits = new Permits(join(folder, "runs"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const at = (...names: string[]) => join(folder, ...names);

function allows<M extends Method>(method: M, params: Partial<Methods[M]["params"]>): boolean {
  try {
    permits.expect(method, params as Methods[M]["params"]);
    return true;
  } catch (error) {
    expect((error as Error).message).toMatch(`${method}: the window may not name`);
    return false;
  }
}
const reads = (path: string) => allows("dataInfo", { path });
const writes = (out: string) => allows("report", { runs: [at("runs")], out });

function writeRun(directory: string, paths: { data: string; teacher: string; student: string }): void {
  mkdirSync(directory, { recursive: true });
  const recipe = parseRecipe({
    name: "x",
    data: { path: paths.data },
    teacher: { model: "resnet20_cifar10", weights: paths.teacher, imageSize: 32 },
    student: { model: "resnet20_cifar10", weights: paths.student },
    distillation: { temperature: 2, alpha: 0.5 },
  });
  const hashes = { data: "", initialWeights: "", batches: "", teacher: null };
  writeFileSync(
    join(directory, "recipe.json"),
    JSON.stringify({ schema: SCHEMA, recipe, seed: 0, arm: "student", hashes, classes: [], parameters: 1, teacherTestAcc: null }),
  );
}

test("what comes with the program may be read, and what was granted, itself and below", () => {
  expect(reads("bundled")).toBe(true);
  expect(reads(at("data"))).toBe(false);
  permits.grant(at("data"), "read");
  expect([at("data"), at("data", "train", "cat"), `${at("data")}/`].map(reads)).toEqual([true, true, true]);
  for (const path of [at("data-2"), at(), `${at("data")}/../x`, `${at("data")}/../data`, "data", `${at("data")}\0`]) expect(reads(path), path).toBe(false);
});

test("what runs in the runs folder were begun with may be read, in single runs and in the arms of a sweep", () => {
  writeRun(at("runs", "one"), { data: at("data"), teacher: at("t.safetensors"), student: at("s.safetensors") });
  writeRun(at("runs", "sweep", "seed-1", "student"), { data: at("other"), teacher: "bundled", student: at("s2.safetensors") });
  for (const path of ["data", "t.safetensors", "s.safetensors", "other", "s2.safetensors"]) expect(reads(at(path)), path).toBe(true);
  expect(reads(at("data", "train"))).toBe(true);
  expect(reads(at("third"))).toBe(false);
  expect(writes(at("t.safetensors"))).toBe(false);
});

test("what a comparison was asked for may be read before its student has begun", () => {
  writeRun(at("runs", "comparison", "control"), { data: at("data"), teacher: "bundled", student: at("s.safetensors") });
  const asked = { data: { path: at("data") }, student: { model: "resnet20_cifar10" }, teacher: { weights: at("t.safetensors") } };
  expect(reads(at("t.safetensors"))).toBe(false);
  writeFileSync(at("runs", "comparison", "request.json"), JSON.stringify({ schema: 1, recipe: asked, seeds: 1 }));
  expect(reads(at("t.safetensors"))).toBe(true);
  expect(reads(at("u.safetensors"))).toBe(false);
});

test("weights on the hub may be named only where the user allowed exactly these, or a run names them", () => {
  const asks = (weights: string) => allows("predict", { model: "resnet20_cifar10", weights, images: [] });
  expect(asks("hf:o/m")).toBe(false);
  writeRun(at("runs", "one"), { data: at("data"), teacher: "hf:o/m", student: at("s.safetensors") });
  expect([asks("hf:o/m"), asks("hf:o/m/x.bin"), asks("hf:o/other")]).toEqual([true, false, false]);
  expect(allows("report", { runs: [], out: "hf:o/m" })).toBe(false);
  expect(() => permits.expect("predict", { model: "resnet20_cifar10", weights: "hf:o/other", images: [] })).toThrow(
    /the hub is asked for no model that you did not allow/,
  );
  permits.grant("hf:o/allowed", "read");
  expect(["hf:o/allowed", "hf:o/allowed@v1", "hf:o/allowed/x.bin", "hf:o/allowed-2", "hf:allowed"].map(asks)).toEqual([true, false, false, false, false]);
  expect(allows("weightsDownload", { weights: "hf:o/allowed" })).toBe(true);
  expect(allows("weightsDownload", { weights: "hf:o/other" })).toBe(false);
  expect(allows("report", { runs: [], out: "hf:o/allowed" })).toBe(false);
});

test("a damaged recipe names nothing, and hides no other", () => {
  mkdirSync(at("runs", "damaged"));
  writeFileSync(at("runs", "damaged", "recipe.json"), "{");
  writeRun(at("runs", "whole"), { data: at("data"), teacher: "bundled", student: at("s.safetensors") });
  expect(reads(at("data"))).toBe(true);
});

describe("writing", () => {
  test("takes a new name in the runs folder, or exactly what was granted for it", () => {
    writeFileSync(at("runs", "there.html"), "");
    expect([at("runs", "new.html"), at("runs", "there.html"), at("runs"), at("elsewhere.html")].map(writes)).toEqual([true, false, false, false]);
    permits.grant(at("elsewhere.html"), "write");
    permits.grant(at("runs", "there.html"), "write");
    expect([at("elsewhere.html"), at("runs", "there.html"), at("elsewhere.html", "x")].map(writes)).toEqual([true, true, false]);
    permits.grant(at("read"), "read");
    expect(writes(at("read"))).toBe(false);
  });

  test("stays possible where the same path is chosen for reading later", () => {
    permits.grant(at("data"), "write");
    permits.grant(at("data"), "read");
    expect(allows("dataDownload", { directory: at("data") })).toBe(true);
  });
});

test("links lead nowhere", () => {
  mkdirSync(at("secret"));
  symlinkSync(at("secret"), at("runs", "link"));
  symlinkSync(at("secret", "new"), at("runs", "to-nothing"));
  expect([at("runs", "link"), at("runs", "link", "x"), at("runs", "to-nothing")].map(reads)).toEqual([false, false, false]);
  expect([at("runs", "link", "new.html"), at("runs", "to-nothing")].map(writes)).toEqual([false, false]);
  expect(allows("deleteRun", { directory: at("runs", "link") })).toBe(false);
});

test("a runs folder that is a link itself, or not there yet, works", () => {
  mkdirSync(at("disk"));
  symlinkSync(at("disk"), at("linked"));
  for (const runs of ["linked", "later"]) {
    permits = new Permits(at(runs));
    expect(allows("readRun", { directory: at(runs, "x") })).toBe(true);
    expect(allows("deleteRun", { directory: at(runs, "x") })).toBe(true);
    expect(allows("deleteRun", { directory: at(runs) })).toBe(false);
    expect(allows("listRuns", { directory: at(runs) })).toBe(true);
  }
});

test("images that come as bytes have any name", () => {
  const predict = (images: Methods["predict"]["params"]["images"]) => allows("predict", { weights: "bundled", images });
  expect(predict([{ path: "pasted", bytes: new Uint8Array(1) }])).toBe(true);
  expect(predict([{ path: "pasted", bytes: new Uint8Array(1) }, { path: at("photo.png") }])).toBe(false);
});

test("recipes name what they read", () => {
  const start = (recipe: object, out = at("runs", "new")) => allows("start", { recipe: recipe as Methods["start"]["params"]["recipe"], out });
  expect(start({ data: { path: "bundled" }, student: { weights: null } })).toBe(true);
  for (const recipe of [
    { data: { path: at("d") } },
    { teacher: { weights: at("t") } },
    { teacher: { others: [{ weights: at("o") }] } },
    { student: { weights: at("s") } },
  ])
    expect(start(recipe), JSON.stringify(recipe)).toBe(false);
  expect(start({}, at("runs"))).toBe(false);
  expect(start({}, at("beside"))).toBe(false);
});
