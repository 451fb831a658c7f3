import { beforeEach, expect, it } from "vitest";
import { presetOf } from "../../../src-main/contract/presets";
import { Sweep, variedInWords } from "../../../src-renderer/state/sweep.svelte";

const { recipe } = presetOf("demo");
const alone = { ...recipe, teacher: null, distillation: null, control: null };
const data = { classes: 10, images: 5000 };
let distills: boolean;
let sweep: Sweep;

beforeEach(() => {
  distills = true;
  sweep = new Sweep(() => distills);
});

it("one comparison is asked for unless something else is chosen; without a teacher, one model", () => {
  expect(sweep.asked(recipe)).toEqual({ kind: "compare" });
  expect(sweep.asked(alone)).toEqual({ kind: "train" });
});

it("seeds are two at least, and what is typed wrong is said", () => {
  sweep.kind = "seeds";
  expect(sweep.asked(recipe)).toEqual({ kind: "compare", seeds: 3 });
  for (const text of ["1", "none", "", "2.5", "5000"]) {
    sweep.set("seeds", text);
    expect(sweep.problemOf("seeds", data), text).toBe("enter a whole number from 2 to 1,000");
  }
  sweep.useSeeds(1);
  expect(sweep.chosen).toBe("one");
});

it("numbers of labels are suggested, checked against the data and sorted; the recipe takes the first", () => {
  sweep.kind = "labels";
  sweep.suggestLabels(data);
  expect(sweep.text("labels")).toBe("300, 500, 1000, 3000");
  sweep.set("labels", " 1000,250 ;500, 250");
  sweep.suggestLabels(data);
  sweep.set("seeds", "1");
  expect([sweep.problemOf("labels", data), sweep.problemOf("seeds", data)]).toEqual([null, null]);
  expect(sweep.asked(recipe)).toEqual({ kind: "compare", seeds: 1, labels: [250, 500, 1000] });
  expect(sweep.recipeFor(recipe).data.labelled).toBe(250);
  for (const text of ["", "9", "5001", "250, x", "1e3"]) {
    sweep.set("labels", text);
    expect(sweep.problemOf("labels", data), text).toBe("enter whole numbers from 10, one image of each class, to 5,000, with commas between them");
  }
});

it("a search has trials, and batches of each, or all epochs; it says what it varies", () => {
  sweep.kind = "search";
  expect(sweep.asked(recipe)).toEqual({ kind: "search", search: { trials: 20, batches: 50 } });
  expect(sweep.recipeFor(recipe)).toBe(recipe);
  sweep.set("batches", "");
  expect([sweep.problemOf("batches", data), sweep.asked(recipe)]).toEqual([null, { kind: "search", search: { trials: 20, batches: null } }]);
  sweep.set("batches", "0");
  expect(sweep.problemOf("batches", data)).toBe("enter a whole number from 1 to 100,000,000, or nothing for all epochs");
  expect([recipe, presetOf("quick-look").recipe, alone].map(variedInWords)).toEqual([
    "learning rate and weight",
    "learning rate, temperature and alpha",
    "learning rate",
  ]);
});

it("a form without a teacher compares nothing, and remembers what was chosen", () => {
  sweep.kind = "labels";
  distills = false;
  expect([sweep.chosen, sweep.choices.map(({ kind }) => kind), sweep.seeds, sweep.fields]).toEqual(["one", ["one", "search"], 1, []]);
  expect(sweep.asked(alone)).toEqual({ kind: "train" });
  distills = true;
  const other = new Sweep(() => true);
  other.restore(sweep.remembered);
  expect(other.remembered).toEqual({ kind: "labels", seeds: "3", labels: "", trials: "20", batches: "50" });
});
