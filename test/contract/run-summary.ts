import { EARLIER, resolveArithmetic } from "../../src-main/contract/arithmetic";
import type { ArmName } from "../../src-main/contract/arms";
import { presetOf } from "../../src-main/contract/presets";
import type { ResolvedRecipe } from "../../src-main/contract/recipe";
import type { ListedRun } from "../../src-main/contract/run";

/** As runs record them. */
export const studentRecipe: ResolvedRecipe = resolveArithmetic(presetOf("quick-look").recipe, EARLIER);
export const controlRecipe: ResolvedRecipe = { ...studentRecipe, teacher: null, distillation: null, control: null };

/** A finished run of two epochs. */
export const summary = (arm: ArmName, values: Partial<ListedRun> = {}): ListedRun => ({
  directory: arm === "single" ? "/runs/one" : `/runs/one/${arm}`,
  name: "one",
  arm,
  state: "finished",
  started: "2026-11-24T09:05:00Z",
  changed: "2026-11-24T09:07:00Z",
  epochsDone: 2,
  epochs: 2,
  testAcc: 0.5,
  trainAcc: 0.5,
  seconds: 100,
  owner: null,
  beginsAnew: false,
  damage: null,
  recipe: arm === "control" ? controlRecipe : studentRecipe,
  sweep: null,
  ...values,
});
