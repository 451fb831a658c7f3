/** A comparison that takes seconds, for the command line as installed. */
import { writeFileSync } from "node:fs";
import path from "node:path";
import { presetOf } from "../../src-main/contract/presets";

const small = ["data.trainLimit=256", "data.testLimit=64", "train.epochs=3", "train.warmupEpochs=0", "train.batchSize=64"];
export const BATCHES = 12;

/** Its arguments, with the recipe in the folder. */
export function comparisonIn(folder: string, seeds: number): string[] {
  return ["compare", ...smallIn(folder), "--out", "runs/first", "--seeds", String(seeds)];
}

/** The recipe, which is written into the folder, and what makes it small. */
export function smallIn(folder: string): string[] {
  writeFileSync(path.join(folder, "recipe.json"), JSON.stringify(presetOf("demo").written));
  return ["--recipe", "recipe.json", ...small.flatMap((each) => ["--set", each])];
}
