import { existsSync, readdirSync, rmdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { InputError } from "../contract/failure";
import { runFiles } from "./files";
import { ownerOf } from "./lock";
import { runFolders } from "./reader";

/** What this program writes beside the runs of a comparison or a sweep. */
const BESIDE = ["comparison.json", "report.html", "lock"];
/** A run lies at most so deep in a sweep: seed-0/control. */
const DEPTH = 2;

/**
 * Deletes a run, or a comparison or sweep with all its runs. Files that this program did not write stay, and are named. Throws an InputError if
 * there is no run, or if one of them is being trained.
 */
export function deleteRun(directory: string): { deleted: number; kept: string[] } {
  const runs = runFolders(directory, DEPTH);
  if (runs.length === 0) throw new InputError(`${directory} holds no run: expected a run, a comparison or a sweep`);
  const folders = foldersBetween(directory, runs);
  for (const folder of folders) {
    const owner = ownerOf(folder);
    if (owner) throw new InputError(`${folder} is being trained by process ${owner.pid}${owner.host ? ` on ${owner.host}` : ""}: stop it before deleting it`);
  }
  // The deepest first, so that a folder is empty when its turn comes.
  for (const folder of [...folders].reverse()) clear(folder, runs.includes(folder));
  return { deleted: runs.length, kept: existsSync(directory) ? filesIn(directory) : [] };
}

/** The folder itself and all those on the way to its runs, parents first. */
function foldersBetween(directory: string, runs: readonly string[]): string[] {
  const below = readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const deeper = below.map(({ name }) => join(directory, name)).filter((folder) => runs.some((run) => run === folder || run.startsWith(join(folder, "/"))));
  return [directory, ...deeper.flatMap((folder) => foldersBetween(folder, runs))];
}

function clear(folder: string, isRun: boolean): void {
  const { checkpoint, ...files } = runFiles(folder);
  // recipe.json makes the folder a run: it goes last, so that a deletion that is cut short can be repeated.
  const { recipe, ...others } = files;
  const own = isRun ? [...Object.values(others), ...BESIDE.map((name) => join(folder, name)), recipe] : BESIDE.map((name) => join(folder, name));
  if (isRun) rmSync(checkpoint, { recursive: true, force: true });
  for (const path of own) for (const each of [path, `${path}.partial`]) rmSync(each, { force: true });
  if (readdirSync(folder).length === 0) rmdirSync(folder);
}

function filesIn(directory: string): string[] {
  return readdirSync(directory).flatMap((name) => {
    const path = join(directory, name);
    return statSync(path).isDirectory() ? filesIn(path) : [path];
  });
}
