import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { readRecipe } from "../../src-main/cli/recipe-file";
import { presets } from "../../src-main/contract/presets";
import { mutated, mutatedJson, withstands } from "../mutations";

const folder = mkdtempSync(join(tmpdir(), "distill-recipes-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("recipes with changes at random are read or refused in words", async () => {
  const { taken, refused } = await withstands(500, (n) => {
    const file = join(folder, "recipe.json");
    const { written } = presets[n % presets.length]!;
    writeFileSync(file, n % 2 === 0 ? mutated(Buffer.from(JSON.stringify(written)), n) : (JSON.stringify(mutatedJson(written, n)) ?? ""));
    readRecipe(file, n % 5 === 0 ? ["train.epochs=3", "teacher.others.0.model=resnet18"] : [], folder);
  });
  expect([taken > 20, refused > 200]).toEqual([true, true]);
});

test("recipes that are made to be deep, wide or huge are refused soon", async () => {
  const deep = "[".repeat(1_000_000);
  const wide = JSON.stringify({ data: { path: "x" }, teacher: { model: "m", others: Array(100_000).fill({ model: "m" }) }, student: { model: "m" } });
  const keys = `{${Array.from({ length: 100_000 }, (_, i) => `"k${i}":1`).join(",")}}`;
  const proto = '{"__proto__":{"path":"x"},"constructor":{"prototype":{}},"data":{"__proto__":1}}';
  const hostile = [deep, wide, keys, proto, "null", "[]", '"text"', "1e999", `{"data":{"path":${JSON.stringify("x".repeat(10_000_000))}}}`];
  const { refused } = await withstands(hostile.length, (n) => {
    const file = join(folder, "hostile.json");
    writeFileSync(file, hostile[n]!);
    readRecipe(file, [], folder);
  });
  expect(refused).toBe(hostile.length);
});

describe("a recipe as people write it", () => {
  const read = (text: string) => {
    const file = join(folder, "written.json");
    writeFileSync(file, text);
    return () => readRecipe(file, [], folder);
  };

  test.each([
    ["train", '{"data": {"path": "x"}, "train": {"epochs": 3}, "train": {"batchSize": 8}}'],
    ["train.epochs", '{"train": {"epochs": 3, "\\u0065pochs": 4}}'],
    ["teacher.others.model", '{"teacher": {"model": "\\"}{", "others": [{"model": "a"}, {"model": "b", "weights": null, "model": "c"}]}}'],
  ])("may have no key twice: %s", (key, text) => {
    expect(read(text)).toThrow(`"${key}" is written twice, and only one can be meant: leave one of them`);
  });

  test("may have a key in several objects", () => {
    expect(read('{"data": {"path": "x"}, "teacher": {"model": "resnet18"}, "student": {"model": "resnet18"}}')).not.toThrow("twice");
  });

  test("is no JSON at a line and column", () => {
    expect(read('{\n  "data": {},,\n}')).toThrow(/expected a JSON document: .* at line 2, column 14/);
  });
});
