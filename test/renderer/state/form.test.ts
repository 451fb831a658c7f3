import { describe, expect, it } from "vitest";
import { objectiveKinds, objectives } from "../../../src-main/contract/objectives";
import { parseRecipe } from "../../../src-main/contract/parse-recipe";
import { presetOf } from "../../../src-main/contract/presets";
import { integer } from "../../../src-main/contract/setting";
import { settingKeys, settings } from "../../../src-main/contract/settings";
import { formGroups, keysOfTerm, labelOf, lossInWords, newTerm, termInWords, tunedSeparately } from "../../../src-renderer/state/form";

const madeUp = integer(1, 10, { default: 2, label: "Made-up", help: "Exists in this test alone." });
const placeOf = (key: string, table = {}) => {
  const group = formGroups({ ...settings, ...table }).find(({ plain, advanced }) => [...plain, ...advanced].includes(key))!;
  return [group.title, group.advanced.includes(key) ? "advanced" : "plain"];
};

describe("groups", () => {
  it("hold every setting of the table once, in its order, besides those of the Data screen", () => {
    const keys = formGroups().flatMap(({ plain, advanced }) => [...plain, ...advanced]);
    expect([...keys].sort()).toEqual(settingKeys.filter((key) => !key.startsWith("data.path") && !key.startsWith("data.format")).sort());
    for (const { plain, advanced } of formGroups()) for (const part of [plain, advanced]) expect(part).toEqual(settingKeys.filter((key) => part.includes(key)));
  });

  it("a row that no list mentions appears under its group, or else under its section", () => {
    expect(placeOf("train.madeUp", { "train.madeUp": madeUp })).toEqual(["Training", "plain"]);
    expect(placeOf("madeUp", { madeUp })).toEqual(["Run", "plain"]);
    expect(placeOf("train.madeUp", { "train.madeUp": { ...madeUp, group: "Optimizer", advanced: true } })).toEqual(["Optimizer", "advanced"]);
  });

  it("choices have a place of their own too", () => {
    expect(placeOf("device")).toEqual(["Machine", "advanced"]);
    expect(placeOf("train.optimizer")).toEqual(["Optimizer", "advanced"]);
  });
});

describe("the loss in words", () => {
  const recipeWith = (distillation: object) => parseRecipe({ ...presetOf("demo").recipe, distillation });

  it("is the sum that a student minimises", () => {
    expect(lossInWords(presetOf("demo").recipe.distillation!)).toBe("40\u00a0·\u00a0locality guidance + labels");
    expect(lossInWords(recipeWith({ kind: "soft", alpha: 0.7 }).distillation!)).toBe("0.7\u00a0·\u00a0soft labels + 0.3\u00a0·\u00a0labels");
    expect(lossInWords(recipeWith({ labels: 0, terms: [{ kind: "dkd", weight: 1 }] }).distillation!)).toBe("decoupled soft labels");
    const both = recipeWith({ labels: 1, terms: [{ kind: "soft", weight: 0.5 }, { kind: "locality" }] });
    expect(lossInWords(both.distillation!)).toBe("0.5\u00a0·\u00a0soft labels + 40\u00a0·\u00a0locality guidance + labels");
  });

  it("names the settings of a term, without those that are null", () => {
    const recipe = recipeWith({ labels: 1, terms: [{ kind: "dkd" }, { kind: "locality", block: 3 }] });
    expect(termInWords(recipe, 0)).toBe("Decoupled soft labels: temperature 4, weight of the true class 1, weight of the other classes 8");
    expect(termInWords(recipe, 1)).toBe("Locality guidance: block 3");
    expect(termInWords(recipeWith({ labels: 1, terms: [{ kind: "hard" }] }), 0)).toBe("Hard labels");
  });

  it.each(objectiveKinds)("%s has a term with its defaults, keys for its fields, and words", (kind) => {
    const term = newTerm(kind);
    const student = { model: "deit_tiny_distilled_patch16_224" };
    const recipe = parseRecipe({ ...presetOf("demo").recipe, student, distillation: { labels: 1, terms: [{ kind }] } });
    expect(recipe.distillation!.terms).toEqual([term]);
    expect(keysOfTerm([term], 0).slice(0, 2)).toEqual(["distillation.terms.0.kind", "distillation.terms.0.weight"]);
    expect(termInWords(recipe, 0)).toMatch(new RegExp(`^${objectives[kind].label}(: .+ \\S+)?$`));
    expect(lossInWords(recipe.distillation!)).toMatch(/ \+ labels$/);
  });
});

it("a control with settings of its own is tuned separately", () => {
  expect(tunedSeparately(presetOf("article").recipe)).toBe("learning rate 0.001 for the control, 0.0001 for the student");
  expect(tunedSeparately(presetOf("article-equal").recipe)).toBeNull();
  const { recipe } = presetOf("demo");
  expect(tunedSeparately({ ...recipe, control: { train: { learningRate: recipe.train.learningRate } } })).toBeNull();
  expect(tunedSeparately({ ...recipe, control: { train: { nesterov: true } } })).toBe("nesterov on for the control, off for the student");
});

it("a label says whose a setting is where several have it", () => {
  const few = presetOf("few-labels").recipe;
  const recipe = { ...few, teacher: { ...few.teacher!, others: [{ ...few.teacher!, weight: 1 }] } };
  expect(["teacher.imageSize", "teacher.others.0.imageSize", "teacher.others.0.model"].map((key) => labelOf(key, recipe))).toEqual([
    "Teacher's image size",
    "Teacher 2's image size",
    "Teacher 2",
  ]);
  const keys = ["kind", "weight", "temperature"].map((name) => `distillation.terms.0.${name}`);
  expect(keys.map((key) => labelOf(key, recipe))).toEqual(["Objective", "Weight (soft labels)", "Temperature (soft labels)"]);
  expect(keys.map((key) => labelOf(key, presetOf("quick-look").recipe))).toEqual(["Objective", "Weight", "Temperature"]);
  expect(labelOf("distillation", recipe)).toBe("distillation");
});
