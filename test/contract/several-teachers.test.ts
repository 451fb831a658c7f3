import { expect, test } from "vitest";
import { applySettings } from "../../src-main/contract/apply-settings";
import { parseRecipe } from "../../src-main/contract/parse-recipe";
import { decidingDifference, pathsOf, recipeSettings, resolvePaths } from "../../src-main/contract/recipe-values";

const least = { data: { path: "photos" }, student: { model: "vit_tiny_patch16_224" }, distillation: {} };
const others = [{ model: "resnet20_cifar10", weight: 0.5 }, { weights: "second.safetensors" }];

test("each has the first one's settings with their defaults, and a weight", () => {
  const { teacher } = parseRecipe({ ...least, teacher: { others } });
  expect(teacher!.others).toEqual([
    { model: "resnet20_cifar10", weights: "bundled", imageSize: 32, mean: null, std: null, weight: 0.5 },
    { model: "resnet18_cifar10", weights: "second.safetensors", imageSize: 32, mean: null, std: null, weight: 1 },
  ]);
});

test("one alone is written as ever", () => {
  expect(parseRecipe({ ...least, teacher: {} }).teacher).not.toHaveProperty("others");
  expect(parseRecipe({ ...least, teacher: { others: [] } })).toEqual(parseRecipe({ ...least, teacher: {} }));
});

test.each([
  [{ others: {} }, 'teacher.others: expected a list of teachers, such as {"model": "resnet20_cifar10", "weight": 1}, got an object'],
  [{ others: [{ weight: 0 }] }, "teacher.others.0.weight: expected a number from 0.000001 to 1000000, got 0"],
  [{ others: [{}, { wieght: 2 }] }, "teacher.others.1.wieght: unknown key; did you mean teacher.others.1.weight?"],
  [{ other: [] }, "teacher.other: unknown key; did you mean teacher.others?"],
  [{ others: [{ mean: [0, 0, 0] }] }, "teacher.others.0.std: expected three numbers, as teacher.others.0.mean has them, got null; name both or neither"],
])("a wrong one is reported: %j", (teacher, problem) => {
  expect(() => parseRecipe({ ...least, teacher })).toThrow(problem);
});

test("others that would be asked for nothing are refused", () => {
  const distillation = { terms: [{ kind: "locality" }] };
  expect(() => parseRecipe({ ...least, teacher: { others }, distillation })).toThrow(
    "teacher.others: features come from the first teacher alone, and no term of this recipe learns from logits; leave the others out",
  );
});

test("their settings are set by key, and the next one is added", () => {
  const teacherWith = (...assignments: string[]) => parseRecipe(applySettings({ ...least, teacher: {} }, assignments)).teacher!.others!;
  expect(teacherWith("teacher.others.0.model=resnet20_cifar10", "teacher.others.1.weight=3")).toMatchObject([{ model: "resnet20_cifar10" }, { weight: 3 }]);
  expect(() => teacherWith("teacher.others.1.weight=3")).toThrow("teacher.others.1.weight: there is no such teacher; the next one is teacher.others.0");
  expect(() => teacherWith("teacher.others=3")).toThrow("teacher.others: cannot be set as a whole");
});

test("their settings count as the recipe's: in lists, when a run is resumed, as paths", () => {
  const recipe = parseRecipe({ ...least, teacher: { others } });
  const shown = recipeSettings(recipe).filter(({ key }) => key.startsWith("teacher.others.0."));
  expect(shown.map(({ key, value }) => [key.split(".").at(-1), value])).toEqual(Object.entries(recipe.teacher!.others![0]!));
  const heavier = parseRecipe(applySettings(recipe, ["teacher.others.1.weight=2"]));
  expect(decidingDifference(recipe, heavier)).toBe("teacher.others.1.weight");
  expect(decidingDifference(recipe, parseRecipe({ ...recipe, teacher: {} }))).toBe("teacher.others.0.model");
  expect(pathsOf(recipe)).toContainEqual({ key: "teacher.others.1.weights", path: "second.safetensors" });
  const resolved = resolvePaths(recipe, (path) => `/home/${path}`);
  expect(resolved.teacher!.others!.map(({ weights }) => weights)).toEqual(["bundled", "/home/second.safetensors"]);
});
