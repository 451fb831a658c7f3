import { existsSync } from "node:fs";
import { join } from "node:path";
import { armInWords, armsOf, type ComparedArm } from "../contract/arms";
import type { Methods, PlannedMember } from "../contract/engine";
import { InputError } from "../contract/failure";
import { parseRecipe } from "../contract/parse-recipe";
import type { Recipe } from "../contract/recipe";
import { END_FILES } from "../contract/run-folder";
import { makeFolder } from "../disk/make-folder";
import { armsBegun, hasBegun, readRequest, writeRequest } from "../runs/request";
import { comparisonArms } from "../training/compare";
import { comparisonsAsked } from "./comparisons-asked";
import { expectOutside, expectWritable } from "./out-folder";
import { askedOf, searchTrials } from "./search";
import { isSweep, membersOf, type Sweep, sweepByLabels, sweepBySeed } from "./sweep";

type Plan = Methods["plan"];

/** What would be trained, member by member; the folders of sweeps get what is asked for. Throws an InputError if the folder holds a run that is not resumed. */
export async function plan(asked: Plan["params"], say: (text: string) => void): Promise<Plan["result"]> {
  const { kind, out, resume } = asked;
  const recipe = parseRecipe(asked.recipe);
  if (kind === "compare") comparisonArms(recipe);
  expectWritable(out);
  expectOutside(recipe.data, out);
  if (!resume && (readRequest(out) || hasBegun(out)))
    throw new InputError(`${out} already holds a run, and nothing is overwritten: choose another folder, or resume that run`);
  const sweep = kind === "search" ? await searchTrials(out, recipe, askedOf({ ...asked, recipe }), say) : await comparisons({ ...asked, recipe });
  writeRequests(sweep, kind === "search" ? [] : armsOf(recipe));
  return {
    members: membersOf(sweep).map(({ recipe, directory, name, words }): PlannedMember => ({ recipe, directory, name, words, isFinished: hasEnded(directory) })),
  };
}

const hasEnded = (directory: string): boolean => END_FILES.some((name) => existsSync(join(directory, name)));

async function comparisons(asked: Plan["params"] & { recipe: Recipe }): Promise<Sweep> {
  const { out, recipe, resume } = asked;
  const { seeds, labels } = comparisonsAsked(asked);
  if (resume) expectSameArms(out, armsOf(recipe));
  return labels ? sweepByLabels(out, recipe, labels, seeds) : sweepBySeed(out, recipe, seeds);
}

/** Throws an InputError where the folder has fewer arms than whoever trains elsewhere would train. */
function expectSameArms(out: string, arms: readonly ComparedArm[]): void {
  const begun = armsBegun(out);
  const missing = arms.filter((arm) => begun && !begun.includes(arm)).map((arm) => `the ${armInWords(arm)}`);
  if (missing.length > 0)
    throw new InputError(
      `an earlier version began the comparisons in ${out} without ${missing.join(" and ")}: go on with them here, or compare in another folder`,
    );
}

function writeRequests({ directory, request, children }: Sweep, arms: readonly ComparedArm[]): void {
  makeFolder(directory);
  writeRequest(directory, { ...request, arms });
  for (const child of children) if (isSweep(child)) writeRequests(child, arms);
}
