import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { InputError } from "../contract/failure";
import { readJson } from "./recipe-file";

/** A recipe as recipe.json has it: not checked yet. */
type Json = { [section: string]: { [key: string]: unknown } };

/** The recipe that the run of `train`, the comparison or the comparisons of several seeds in a folder began with. Throws an InputError if there is none. */
export function recipeOfRun(folder: string, kind: "train" | "compare"): unknown {
  return kind === "train" ? recipeOfArm(folder) : recipeOfComparison(firstSeed(folder) ?? folder);
}

function recipeOfArm(folder: string): Json {
  const file = path.join(folder, "recipe.json");
  if (existsSync(file)) return recipeIn(file);
  const hint =
    existsSync(path.join(folder, "student")) || firstSeed(folder) ? "it holds a comparison, which distill compare resumes" : "there is no recipe.json in it";
  throw new InputError(`${folder} holds no run of distill train: ${hint}`);
}

/** A power loss can empty recipe.json. The run then resumes from its checkpoint, once somebody names its recipe again. */
function recipeIn(file: string): Json {
  const advice = "resume with --recipe and the recipe that the run began with: then the file is restored from the checkpoint";
  try {
    return (readJson(file, file) as { recipe: Json }).recipe;
  } catch (cause) {
    throw new InputError(`${(cause as Error).message}; ${advice}`, { cause });
  }
}

/** Each arm has its own recipe; what they train with differently was the control's. */
function recipeOfComparison(folder: string): Json {
  const [control, student] = ["control", "student"].map((arm) => path.join(folder, arm));
  const missing = [control!, student!].find((arm) => !existsSync(path.join(arm, "recipe.json")));
  if (missing) {
    const hint = existsSync(path.join(folder, "recipe.json")) ? "it holds a run of distill train, which resumes it" : `there is no recipe.json in ${missing}`;
    throw new InputError(`${folder} holds no comparison to take the recipe from: ${hint}; or name the recipe with --recipe`);
  }
  const [itsOwn, recipe] = [recipeOfArm(control!), recipeOfArm(student!)];
  const overrides = Object.entries(itsOwn.train!).filter(([key, value]) => value !== recipe.train![key]);
  return { ...recipe, control: { train: Object.fromEntries(overrides) } };
}

/** The comparison of the first seed of several; null if the folder holds none. */
function firstSeed(folder: string): string | null {
  const seeds = existsSync(folder) ? readdirSync(folder).flatMap((name) => /^seed-(\d+)$/.exec(name)?.[1] ?? []) : [];
  const first = seeds.map(Number).sort((a, b) => a - b)[0];
  return first === undefined ? null : path.join(folder, `seed-${first}`);
}
