import { afterEach, expect, test, vi } from "vitest";

afterEach(() => vi.unstubAllGlobals());

test("no check in the contract creates code from strings, which the page's content security policy forbids", async () => {
  const made: unknown[][] = [];
  vi.stubGlobal(
    "Function",
    class {
      constructor(...texts: unknown[]) {
        made.push(texts);
      }
    },
  );
  const { methods } = await import("../../src-main/contract/engine");
  const { parseRecipe } = await import("../../src-main/contract/parse-recipe");
  expect(methods.listRuns.params.safeParse({ directory: "runs" }).success).toBe(true);
  parseRecipe({ data: { path: "bundled" }, student: { model: "vit_micro_patch4_32" } });
  expect(made).toEqual([]);
});
