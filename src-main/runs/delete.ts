import { existsSync, lstatSync, readdirSync, realpathSync, rmdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { InputError } from "../contract/failure";
import { CLUSTER_FILE, FOLLOWING_FILE } from "../contract/run-folder";
import { naming } from "../disk/open-file";
import { isEventFile } from "../tensorboard/file-name";
import { checkpointFiles } from "../training/checkpoint";
import { aboutFile, leftOutFile, lockFile, requestFile, runFiles, searchFiles } from "./files";
import { ownerOf } from "./lock";
import { pictureFiles, predictionFiles } from "./predictions";
import { RUN_DEPTH, runFolders } from "./reader";

/** What this program writes beside the runs of a comparison or a sweep. */
const besideRuns = (folder: string) => [
  requestFile(folder),
  join(folder, CLUSTER_FILE),
  join(folder, FOLLOWING_FILE),
  join(folder, "comparison.json"),
  leftOutFile(folder),
  ...Object.values(searchFiles(folder)),
];
/**
 * Deletes a run, or a comparison or sweep with all its runs. What this program did not write stays, and is named. Throws an InputError if
 * there is no run, if one of them is being trained, or if the folder is a link to another.
 */
export function deleteRun(directory: string): { deleted: number; kept: string[] } {
  const { runs, folders } = expectNobodyTrains(directory);
  // The deepest first, so that a folder is empty when its turn comes.
  for (const folder of [...folders].reverse()) clear(folder, runs.includes(folder));
  return { deleted: runs.length, kept: existsSync(directory) ? contentOf(directory) : [] };
}

/** The runs in a folder, and all folders with them in it. Throws an InputError if there is no run, if one is being trained, or if the folder is a link to another. */
export function expectNobodyTrains(directory: string): { runs: string[]; folders: string[] } {
  if (lstatSync(directory, { throwIfNoEntry: false })?.isSymbolicLink())
    throw new InputError(`${directory} is a link: to delete what it leads to, name that folder itself, ${realpathSync(directory)}`);
  const runs = runFolders(directory, RUN_DEPTH);
  if (runs.length === 0) throw new InputError(`${directory} holds no run: expected a run, a comparison, or several that were trained together`);
  const folders = foldersBetween(directory, runs);
  for (const folder of folders) {
    const owner = ownerOf(folder);
    if (owner) throw new InputError(`${folder} is being trained by process ${owner.pid}${owner.host ? ` on ${owner.host}` : ""}: stop it before deleting it`);
  }
  return { runs, folders };
}

/** The folder itself and all those on the way to its runs, parents first. */
function foldersBetween(directory: string, runs: readonly string[]): string[] {
  const below = readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const deeper = below.map(({ name }) => join(directory, name)).filter((folder) => runs.some((run) => run === folder || run.startsWith(join(folder, "/"))));
  return [directory, ...deeper.flatMap((folder) => foldersBetween(folder, runs))];
}

function clear(folder: string, isRun: boolean): void {
  const { recipe, checkpoint, predictions, ...files } = runFiles(folder);
  // recipe.json makes the folder a run: it goes last, so that a deletion that is cut short can be repeated.
  const predicted = isFolder(predictions) ? [...Object.values(predictionFiles(folder)), ...pictureFiles(folder)] : [];
  const eventFiles = isRun
    ? readdirSync(folder)
        .filter(isEventFile)
        .map((name) => join(folder, name))
    : [];
  const own = isRun ? [...eventFiles, ...(isFolder(checkpoint) ? checkpointFiles(checkpoint) : []), ...Object.values(files), recipe] : besideRuns(folder);
  for (const path of [lockFile(folder), aboutFile(folder), ...predicted, ...own]) for (const each of [path, `${path}.partial`]) removeFile(each);
  if (isRun) removeIfEmpty(checkpoint);
  removeIfEmpty(predictions);
  removeIfEmpty(folder);
}

/** A folder under the name of a file is not this program's. */
function removeFile(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === false) naming(path, "deleted", () => rmSync(path));
}

function removeIfEmpty(folder: string): void {
  if (isFolder(folder) && readdirSync(folder).length === 0) naming(folder, "deleted", () => rmdirSync(folder));
}

/** A link to a folder is none: what it leads to is not this program's. */
function isFolder(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** What lies in a folder: files, links, wherever they lead, and empty folders. */
function contentOf(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    const below = entry.isDirectory() ? contentOf(path) : [];
    return below.length > 0 ? below : [path];
  });
}
