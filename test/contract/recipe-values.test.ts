import { expect, it } from "vitest";
import { parseRecipe } from "../../src-main/contract/parse-recipe";
import { resolvePaths } from "../../src-main/contract/recipe-values";

it("resolves paths and leaves words alone", () => {
  const recipe = parseRecipe({ data: { path: "here" }, teacher: { weights: "t.safetensors" }, student: { model: "resnet18", weights: null } });
  const resolved = resolvePaths(recipe, (path) => `/base/${path}`);
  expect(resolved.data.path).toBe("/base/here");
  expect(resolved.teacher?.weights).toBe("/base/t.safetensors");
  expect(resolved.student.weights).toBeNull();
  expect(resolvePaths(parseRecipe({ data: { path: "bundled" }, teacher: {}, student: { model: "resnet18" } }), () => "changed").teacher?.weights).toBe(
    "bundled",
  );
});
