/** Folders that are named in place of the weights in them. */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { TIMM_WEIGHTS } from "./timm-config";

/** What this program writes: a teacher's folder, and a run's with the best epoch or the last. */
const WRITTEN = ["teacher.safetensors", "student-best.safetensors", "student.safetensors"];

/** The file of weights in a folder of this program, or of timm's; of anything else, the path itself. */
export function weightsFileOf(path: string): string {
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return path;
  return [...WRITTEN, ...TIMM_WEIGHTS].map((name) => join(path, name)).find((file) => existsSync(file)) ?? path;
}
