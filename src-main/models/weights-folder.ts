/** Folders that are named in place of the weights in them. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { comparedArms } from "../contract/arms";
import { InputError } from "../contract/failure";
import { naming } from "../disk/open-file";
import { TIMM_WEIGHTS } from "./timm-config";

/** What this program writes: a teacher's folder, and a run's with the best epoch or the last. */
const WRITTEN = ["teacher.safetensors", "student-best.safetensors", "student.safetensors"];

/** Of many runs, so many are named. */
const NAMED = 4;

/** What the format training-script writes. */
const SCRIPT = ["train.py", "start.safetensors"];

/**
 * The file of weights in a folder of this program, or of timm's; of anything else, the path itself. Throws an InputError where a folder of this program holds
 * several weights, or none that are trained.
 */
export function weightsFileOf(path: string): string {
  if (!isFolder(path)) return path;
  if (SCRIPT.every((name) => existsSync(join(path, name)))) throw new InputError(scriptInWords(path));
  const file = fileIn(path, [...WRITTEN, ...TIMM_WEIGHTS]);
  if (file) return file;
  const runs = runsIn(path);
  const named = `${runs.slice(0, NAMED).join(", ")}${runs.length > NAMED ? " ..." : ""}`;
  if (runs.length > 0)
    throw new InputError(`weights ${path}: the folder holds runs, and not weights; name ${runs.length > 1 ? "one of them" : "that"}: ${named}`);
  if (existsSync(join(path, "events.jsonl"))) throw new InputError(`weights ${path}: the run has no weights yet, which it writes when it is finished`);
  return path;
}

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
const fileIn = (folder: string, names: readonly string[]) => names.map((name) => join(folder, name)).find((file) => existsSync(file));

/** The finished runs in a comparison, or in one of several seeds, students first. */
function runsIn(path: string): string[] {
  const seeds = naming(path, "read", () => readdirSync(path)).filter((name) => /^seed-\d+$/.test(name));
  const arms = ["single", ...comparedArms].reverse();
  return arms.flatMap((arm) => ["", ...seeds].map((seed) => join(path, seed, arm))).filter((run) => fileIn(run, WRITTEN));
}

function scriptInWords(path: string): string {
  const teacher = join(path, "teacher.safetensors");
  const orTeacher = existsSync(teacher) ? `; for its teacher's weights, name ${teacher}` : "";
  return `weights ${path}: the folder holds a training script, and no weights that it has trained: run ${join(path, "train.py")}, and name the folder of a run that it writes${orTeacher}`;
}
