/** A run, or a comparison, with a fault at one of its changes to the disk; then what the user does: start or resume it again. */
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { loadAddon } from "../../src-main/backend/load";
import type { Recipe } from "../../src-main/contract/recipe";
import { recipeOfRun } from "../../src-main/runs/request";
import { useBackend } from "../../src-main/tensor/tensor";
import { experimentFolder, smallRecipe, trainInto } from "../engine/experiment";
import { type Change, type Fault, withFault } from "./faulty-files";
import { lasting } from "./storm";

useBackend(loadAddon());

const { path, teacher, remove } = experimentFolder();

export { remove };

export type Kind = "train" | "compare";

const compared = smallRecipe(teacher);
const recipes: Record<Kind, Recipe> = { compare: compared, train: { ...compared, teacher: null, distillation: null, control: null } };

export interface Reference {
  kind: Kind;
  /** What the run leaves when nothing disturbs it. */
  files: Record<string, string>;
  changes: readonly Change[];
}

/** Trains without a fault. */
export async function reference(kind: Kind): Promise<Reference> {
  const changes = await withFault(null, async () => {
    const { failure } = await trainInto(path(`whole-${kind}`), recipes[kind]);
    if (failure) throw new Error(failure);
  });
  return { kind, files: lasting(path(""), `whole-${kind}`), changes };
}

/** All changes, but of those that write a file piece by piece only the first and the last. */
export function pointsOf({ changes }: Reference): number[] {
  const isWrite = (at: number) => changes[at]?.call === "writeSync";
  return changes.flatMap((_, at) => (isWrite(at - 1) && isWrite(at) && isWrite(at + 1) ? [] : [at]));
}

/** What is wrong after a fault and another try; null if all is well. */
export async function problemAfter({ kind, files, changes }: Reference, fault: Fault): Promise<string | null> {
  const out = path("run");
  rmSync(out, { recursive: true, force: true });
  const { call, path: file } = changes[fault.at]!;
  const where = `${fault.kind} at change ${fault.at}, ${call} of ${file.replace(path(""), "")}`;

  let failure: string | null = null;
  await withFault(fault, async () => {
    failure = (await trainInto(out, recipes[kind])).failure;
  });
  if (fault.kind !== "kill" && failure !== null && !namesFile(failure)) return `${where}: the message names no file: ${failure}`;
  // Some calls may fail without harm, as the removal of a temporary file.
  if (failure !== null) {
    // The command line offers to resume where there is a folder after a process died, and where there is a run otherwise.
    // Without a recipe, which the folder has once anything has begun.
    const recipe = existsSync(join(out, "request.json")) ? recipeOfRun(out, "compare") : isRun(out) ? recipeOfRun(out, kind) : recipes[kind];
    const again = await trainInto(out, recipe, { resume: fault.kind === "kill" ? existsSync(out) : isRun(out) });
    if (again.failure) return `${where}: ${failure}; then: ${again.failure}`;
  }
  const ended = lasting(path(""), "run");
  const different = Object.keys(files).find((name) => files[name] !== ended[name]);
  if (different) return `${where}: ${different} differs`;
  const left = readdirSync(out, { recursive: true, encoding: "utf8" }).filter((name) => /\.partial$|^lock$|\/lock$/.test(name));
  return left.length > 0 ? `${where}: left ${left.join(", ")}` : null;
}

function isRun(out: string): boolean {
  return [out, join(out, "control"), join(out, "student")].some((folder) => existsSync(join(folder, "recipe.json")));
}

const namesFile = (failure: string) => failure.includes(path(""));
