/** Runs as TensorBoard's event files, a folder for each run: TensorBoard names runs by their folders. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { perEpochOf } from "../../contract/columns";
import { InputError } from "../../contract/failure";
import type { BatchRecord, RunDetails } from "../../contract/run";
import { makeFolder } from "../../disk/make-folder";
import { naming } from "../../disk/open-file";
import { writeWhole } from "../../disk/write-whole";
import { scalarsEvent, versionEvent } from "../../tensorboard/event";
import { eventFileName } from "../../tensorboard/file-name";
import { batchScalars, epochScalars, stepOf } from "../../tensorboard/scalars";
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
      for (const event of eventsOf(run)) file.write(event);
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

/** A run does not keep when each batch was trained: its times are those of a training in one go, from what each batch took. */
function* eventsOf(run: RunDetails): Generator<Uint8Array> {
  const { batches, epochRecords, recipe } = run;
  const perEpoch = perEpochOf(
    batches.length,
    (i) => batches[i]!.epoch,
    (i) => batches[i]!.iter,
  );
  const absent = absentParts(run);
  let time = startOf(run);
  yield versionEvent(time);
  let next = 0;
  for (const record of [...epochRecords, null]) {
    for (; next < batches.length && (record === null || batches[next]!.epoch <= record.epoch); next++) {
      const batch = batches[next]!;
      time += batch.imagesPerSecond > 0 ? recipe.train.batchSize / batch.imagesPerSecond : 0;
      yield scalarsEvent(time, stepOf(batch, perEpoch), batchScalars(without(absent, batch)));
    }
    if (record) yield scalarsEvent(time, next > 0 ? stepOf(batches[next - 1]!, perEpoch) : record.epoch, epochScalars(record));
  }
}

/** Parts that batches.csv has a column for although the loss of this run has no such part. */
function absentParts({ batches }: RunDetails): string[] {
  return Object.keys(batches[0]?.parts ?? {}).filter((name) => batches.every(({ parts }) => parts[name] === 0));
}

function without(absent: readonly string[], { parts, ...record }: BatchRecord): BatchRecord {
  return { ...record, parts: Object.fromEntries(Object.entries(parts).filter(([name]) => !absent.includes(name))) };
}
