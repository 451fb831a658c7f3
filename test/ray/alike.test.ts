import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { differencesInWords, otherImagesInWords } from "../../src-main/ray/alike";

let out: string;
beforeEach(() => {
  out = mkdtempSync(join(tmpdir(), "distill-ray-"));
});
afterEach(() => rmSync(out, { recursive: true }));

test("runs of nodes that computed otherwise are told of", () => {
  const ran = (name: string, precision: string, isa: string) => {
    const directory = join(out, name.replace(" ", "-"));
    mkdirSync(join(directory, "control"), { recursive: true });
    writeFileSync(join(directory, "control", "recipe.json"), JSON.stringify({ arithmetic: { precision, machine: { device: "cpu", isa } } }));
    return { name, directory };
  };
  const alike = ["seed 0", "seed 1"].map((name) => ran(name, "fp32", "avx2"));
  expect(differencesInWords([...alike, { name: "seed 2", directory: join(out, "nothing") }])).toBeNull();
  expect(differencesInWords([ran("seed 3", "bf16", "amx"), ...alike])).toMatch(
    /alike: fp32, avx2 kernels \(seed 0 and 1 more\); bf16, amx kernels \(seed 3\)\. So/,
  );
});

test("runs on other images than the others are told of, where no seed divides them", () => {
  const ran = (seed: number, data: string, labelled: number | null = null) => {
    const directory = join(out, `seed-${seed}`);
    mkdirSync(join(directory, "control"), { recursive: true });
    writeFileSync(join(directory, "control", "recipe.json"), JSON.stringify({ recipe: { data: { labelled, validation: null } }, hashes: { data } }));
    return { name: `seed ${seed}`, directory };
  };
  const alike = [ran(0, "a".repeat(64)), ran(1, "a".repeat(64))];
  expect([otherImagesInWords(alike), otherImagesInWords([...alike, ran(2, "b".repeat(64), 10)])]).toEqual([null, null]);
  expect(otherImagesInWords([...alike, ran(3, "b".repeat(64))])).toMatch(
    /^The nodes did not train on the same images: data a{12} \(seed 0 and 1 more\); data b{12} \(seed 3\)\. So these runs say nothing about one another/,
  );
});
