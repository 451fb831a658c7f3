import { armsOf } from "../contract/arms";
import type { Methods, PlannedMember } from "../contract/engine";
import { InputError } from "../contract/failure";
import { parseRecipe } from "../contract/parse-recipe";
import { makeFolder } from "../disk/make-folder";
import { hasBegun, readRequest, writeRequest } from "../runs/request";
import { comparisonArms } from "../training/compare";
import { expectOutside, expectWritable } from "./out-folder";
import { askedOf, searchTrials } from "./search";
import { membersOf, sweepBySeed } from "./sweep";

type Plan = Methods["plan"];

/** What would be trained, member by member; the folder gets what is asked for. Throws an InputError if the folder holds a run that is not resumed. */
export async function plan({ kind, out, seeds, search, resume, recipe: given }: Plan["params"], say: (text: string) => void): Promise<Plan["result"]> {
  const recipe = parseRecipe(given);
  if (kind === "compare") comparisonArms(recipe);
  expectWritable(out);
  expectOutside(recipe.data, out);
  if (!resume && (readRequest(out) || hasBegun(out)))
    throw new InputError(`${out} already holds a run, and nothing is overwritten: choose another folder, or resume that run`);
  const asked = kind === "search" ? askedOf({ out, resume, recipe, search }) : null;
  const sweep = asked ? await searchTrials(out, recipe, asked, say) : sweepBySeed(out, recipe, seeds);
  makeFolder(out);
  writeRequest(out, { ...sweep.request, arms: asked ? [] : armsOf(recipe) });
  return { members: membersOf(sweep).map(({ recipe, directory, words }): PlannedMember => ({ recipe, directory, words })) };
}
