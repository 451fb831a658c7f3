/**
 * The bin of a folder of runs: the folder `.bin` in it, in which a deleted run lies at the place that it had. Lists of runs leave it out; it is itself a folder of
 * runs, so that what is in it can be listed, and deleted for good, like any other.
 */
import { existsSync, lstatSync, readdirSync, renameSync, rmdirSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { InputError } from "../contract/failure";
import { makeFolder } from "../disk/make-folder";
import { naming } from "../disk/open-file";
import { isInside } from "../disk/within";
import { expectNobodyTrains } from "./delete";
import { binFolder } from "./files";

/**
 * Moves a run, or a comparison, sweep or search with all its runs, to the bin of the folder `runs`, with whatever else lies in its folder. Returns where it is then.
 * Throws an InputError if there is no run, or if one of them is being trained.
 */
export function moveToBin(directory: string, runs: string): string {
  const bin = binFolder(runs);
  if (!isInside(directory, runs) || directory === runs) throw new InputError(`${directory} is not in ${runs}, whose bin it is to go to`);
  if (isInside(directory, bin)) throw new InputError(`${directory} is in the bin already, ${bin}`);
  expectNobodyTrains(directory);
  return moved(directory, freeName(join(bin, relative(runs, directory))));
}

/** Moves what is in the bin of the folder `runs` back to its place; if that is taken, beside it. Returns where it is then. Throws an InputError if it is not in the bin. */
export function restoreFromBin(directory: string, runs: string): string {
  const bin = binFolder(runs);
  if (!isInside(directory, bin) || directory === bin || !existsSync(directory)) throw new InputError(`${directory} is not in the bin ${bin}`);
  const restored = moved(directory, freeName(join(runs, relative(bin, directory))));
  for (let folder = dirname(directory); isInside(folder, bin) && readdirSync(folder).length === 0; folder = dirname(folder)) rmdirSync(folder);
  return restored;
}

function moved(from: string, to: string): string {
  naming(from, "moved", () => {
    makeFolder(dirname(to));
    renameSync(from, to);
  });
  return to;
}

/** "first", or "first-2" where that is taken. */
function freeName(path: string): string {
  const isTaken = (name: string) => lstatSync(name, { throwIfNoEntry: false }) !== undefined;
  let free = path;
  for (let count = 2; isTaken(free); count++) free = `${path}-${count}`;
  return free;
}
