/** Folders that are named in place of the weights in them. */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { comparedArms } from "../contract/arms";
import { InputError } from "../contract/failure";
import { TIMM_WEIGHTS } from "./timm-config";

/** What this program writes: a teacher's folder, and a run's with the best epoch or the last. */
const WRITTEN = ["teacher.safetensors", "student-best.safetensors", "student.safetensors"];

/** What the format training-script writes. */
const SCRIPT = ["train.py", "start.safetensors"];

/**
 * The file of weights in a folder of this program, or of timm's; of anything else, the path itself. Throws an InputError where a folder of this program holds
 * several weights, or none that are trained.
 */
export function weightsFileOf(path: string): string {
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return path;
  const fileIn = (folder: string, names: readonly string[]) => names.map((name) => join(folder, name)).find((file) => existsSync(file));
  if (SCRIPT.every((name) => existsSync(join(path, name)))) throw new InputError(scriptInWords(path));
  const runs = [...comparedArms, "single"].map((arm) => join(path, arm)).filter((run) => fileIn(run, WRITTEN));
  const file = fileIn(path, [...WRITTEN, ...TIMM_WEIGHTS]);
  if (!file && runs.length > 0)
    throw new InputError(`weights ${path}: the folder holds runs, and not weights; name ${runs.length > 1 ? "one of them" : "that"}: ${runs.join(", ")}`);
  return file ?? path;
}

function scriptInWords(path: string): string {
  const teacher = join(path, "teacher.safetensors");
  const orTeacher = existsSync(teacher) ? `; for its teacher's weights, name ${teacher}` : "";
  return `weights ${path}: the folder holds a training script, and no weights that it has trained: run ${join(path, "train.py")}, and name the folder of a run that it writes${orTeacher}`;
}
