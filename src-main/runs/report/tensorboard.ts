/** Runs as TensorBoard's event files, a folder for each run: TensorBoard names runs by their folders. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { InputError } from "../../contract/failure";
import type { RunDetails } from "../../contract/run";
import { makeFolder } from "../../disk/make-folder";
import { naming } from "../../disk/open-file";
import { writeWhole } from "../../disk/write-whole";
import { scalarsEvent, versionEvent } from "../../tensorboard/event";
import { eventFileName } from "../../tensorboard/file-name";
import { scalarsOfRun } from "../../tensorboard/scalars";
import type { Group } from "./group";
import { folderOf } from "./places";

/** `groups`: with names in place of paths. The folder `out` must not exist. */
export function writeEventFiles(groups: readonly Group[], out: string): void {
  makeFolder(join(out, ".."));
  naming(out, "written", () => mkdirSync(out));
  for (const run of groups.flatMap(({ runs }) => runs)) {
    const folder = join(out, nameOf(run, groups.length));
    makeFolder(folder);
    writeWhole(join(folder, eventFileName(startOf(run), 0)), (file) => {
      file.write(versionEvent(startOf(run)));
      for (const { time, step, scalars } of scalarsOfRun(run, startOf(run))) file.write(scalarsEvent(time, step, scalars));
    });
  }
}

/** "control" of the only comparison, "first/seed-1/control" of several. */
function nameOf(run: RunDetails, groups: number): string {
  const { arm } = run;
  const place = folderOf(run)
    .split(/[/\\]/)
    .filter((part) => part !== ".." && part !== "." && part !== "");
  const parts = [...(groups > 1 || arm === "single" ? place : []), ...(arm === "single" ? [] : [arm])];
  return parts.length === 0 ? "run" : join(...parts);
}

/** Seconds since 1970. */
function startOf({ started, directory }: RunDetails): number {
  const time = Date.parse(started) / 1000;
  if (Number.isFinite(time)) return time;
  throw new InputError(`${directory}: expected the time at which the run began, got "${started}"`);
}
