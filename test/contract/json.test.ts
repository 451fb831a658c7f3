import { describe, expect, test } from "vitest";
import { applySettings } from "../../src-main/contract/apply-settings";
import { isUnwieldy, parseJson } from "../../src-main/contract/json";
import { parseRecipe, RecipeError } from "../../src-main/contract/parse-recipe";
import { visible, visibleJson, visibleLines } from "../../src-main/contract/visible";

const deepText = (levels: number) => `${'{"data":'.repeat(levels)}1${"}".repeat(levels)}`;

function deep(levels: number): object {
  const top: Record<string, unknown> = {};
  let level = top;
  for (let i = 0; i < levels; i++) {
    level.data = {};
    level = level.data as Record<string, unknown>;
  }
  return top;
}

describe("texts and values of too many levels", () => {
  test.each([3000, 1_000_000])("are refused in words: %i", (levels) => {
    expect(() => parseJson(deepText(levels))).toThrow("nested deeper than 100 levels");
    for (const read of [parseRecipe, (recipe: unknown) => applySettings(recipe, ["train.epochs=1"])]) {
      expect(() => read(deep(levels))).toThrow(RecipeError);
      expect(() => read(deep(levels))).toThrow("nested deeper than 100 levels");
    }
  });

  test("a value that contains itself, or far too many parts, too", () => {
    const circle: Record<string, unknown> = {};
    circle.data = circle;
    circle.train = circle;
    expect(() => parseRecipe(circle)).toThrow(RecipeError);
    expect(() => parseRecipe({ data: Array.from({ length: 200_000 }, () => 0) })).toThrow(RecipeError);
  });

  test("brackets in texts do not count, and ordinary values pass", () => {
    expect(parseJson(JSON.stringify({ name: '"'.repeat(10) + "[".repeat(500), list: [[1]] }))).toMatchObject({ list: [[1]] });
    expect(isUnwieldy({ a: [{ b: 1 }] })).toBe(false);
    expect(parseJson(deepText(100))).toBeTruthy();
  });
});

describe("texts that a terminal would obey", () => {
  test("are shown as escapes", () => {
    expect(visible("a\u001b[2Jb\n\u202ecod.exe\u200b\u0007")).toBe("a\\u001b[2Jb\\n\\u202ecod.exe\\u200b\\u0007");
    expect(visible("tag \u{e0041}")).toBe("tag \\udb40\\udc41");
    expect(visible("half \ud800")).toBe("half \\ud800");
  });

  test("others stay: letters of all scripts, accents, emoji", () => {
    for (const text of ["Übergröße", "日本語", "العربية", "naïve café", "👩‍🔬".replace("\u200d", ""), "C:\\runs"]) expect(visible(text)).toBe(text);
  });

  test("lines stay lines, and JSON means the same", () => {
    expect(visibleLines("a\tb\nc\u001b")).toBe("a\\tb\nc\\u001b");
    const value = { name: "x\u202ey\u001b\n" };
    for (const hidden of ["\u202e", "\u001b"]) expect(visibleJson(value)).not.toContain(hidden);
    expect(JSON.parse(visibleJson(value))).toEqual(value);
  });
});
