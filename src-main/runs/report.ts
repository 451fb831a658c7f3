import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { byArm } from "../contract/arms";
import { cell } from "../contract/csv";
import type { Methods } from "../contract/engine";
import { evidenceOf } from "../contract/evidence";
import { InputError } from "../contract/failure";
import type { FittedTeacher } from "../contract/fitted-teacher";
import type { RunDetails } from "../contract/run";
import type { InTurns } from "../contract/turns";
import { visibleJson } from "../contract/visible";
import { makeFolder } from "../disk/make-folder";
import { writeFileBeside } from "../disk/write-beside";
import { givenName, readAbout } from "./about";
import { comparedIn } from "./figures";
import { readRunInTurns, runFolders } from "./reader";
import { EPOCHS, toText } from "./records";
import { examplesOf } from "./report/examples";
import type { Group } from "./report/group";
import { overSeeds } from "./report/over-seeds";
import { reportPage } from "./report/page";
import { folderOf, withNames, withoutPlaces } from "./report/places";
import { teacherPage } from "./report/teacher-page";
import { writeEventFiles } from "./report/tensorboard";
import { sweepOf } from "./sweeps";
import { readFigures } from "./teacher";

/**
 * Writes a report on runs, on all runs in folders of runs, or on a teacher that was made of a backbone, to the file `out` and returns its path. Runs have the
 * names and notes that a person gave them. Charts overlay the arms of a comparison. html: one page to read; csv: a line per run and epoch, and nothing that is
 * computed from several; json: everything; tensorboard: event files, in the new folder `out`. Throws an InputError if a folder holds no run. No report says
 * where on this computer anything lies. `onDamage` hears what is damaged, and so not or not wholly in it; `write` writes the file.
 */
export function* writeReport(
  { runs, format, out }: Methods["report"]["params"],
  { onDamage = () => {}, write = writeFileBeside }: { onDamage?: (text: string) => void; write?: typeof writeFileBeside } = {},
): InTurns<string> {
  const path = resolve(out);
  const teacher = runs.length === 1 ? readFigures(resolve(runs[0]!)) : null;
  if (teacher) return writeOnTeacher(teacher, format, path, write);
  const found: RunDetails[] = [];
  for (const directory of runs) found.push(...(yield* runsIn(directory)));
  const groups = yield* grouped(found);
  const named = withoutPlaces(groups, dirname(path));
  const text = { html: () => reportPage(named), csv: () => csvReport(named), json: () => jsonReport(named) };
  if (format === "tensorboard") writeEventFiles(named, path);
  else {
    makeFolder(dirname(path));
    write(path, text[format]());
  }
  for (const { runs, figures } of groups) {
    for (const { directory, evidenceDamage } of runs) if (evidenceDamage) onDamage(`${directory} is damaged, so nothing of it is proven: ${evidenceDamage}`);
    if (figures?.damage) onDamage(`figures that need predictions are missing: ${figures.damage}`);
  }
  return path;
}

function* runsIn(directory: string): InTurns<RunDetails[]> {
  const folders = runFolders(resolve(directory));
  if (folders.length === 0) throw new InputError(`${directory} holds no run: expected a folder with a file recipe.json, or one with such folders in it`);
  const root = dirname(resolve(directory));
  const runs: RunDetails[] = [];
  for (const folder of folders) {
    const run = yield* readRunInTurns(folder);
    runs.push({ ...run, name: givenName(folder, root) ?? run.name });
  }
  return runs;
}

/** The page of a teacher that was made of a backbone, or its figures. */
function writeOnTeacher(found: FittedTeacher, format: Methods["report"]["params"]["format"], path: string, write: typeof writeFileBeside): string {
  if (format !== "html" && format !== "json")
    throw new InputError(`${found.directory} holds a teacher, which has no epochs: its report is html or json, and not ${format}`);
  makeFolder(dirname(path));
  write(path, format === "html" ? teacherPage(found) : `${visibleJson({ schema: 1, teacher: withNames(found, new Map([[found.directory, ""]])) })}\n`);
  return path;
}

/** The notes on a comparison, and on the sweep that it is of. */
function notesOn(directory: string): string {
  return [dirname(directory), directory].flatMap((folder) => noteOn(folder) ?? []).join("\n");
}

function noteOn(folder: string): string | null {
  try {
    return readAbout(folder).note || null;
  } catch (error) {
    if (error instanceof InputError) return null;
    throw error;
  }
}

function* grouped(runs: readonly RunDetails[]): InTurns<Group[]> {
  const groups = new Map<string, RunDetails[]>();
  for (const run of runs) {
    const key = folderOf(run);
    groups.set(key, [...(groups.get(key) ?? []), run]);
  }
  const made: Group[] = [];
  for (const [directory, runs] of groups) {
    const proofs = runs.map((run) => ({ ...run, evidence: evidenceOf(run) }));
    const figures = yield* comparedIn(directory, proofs);
    made.push({
      title: runs[0]!.name,
      note: notesOn(directory),
      runs: runs.sort(byArm),
      figures,
      asked: askedOf(runs[0]!.directory),
      examples: examplesOf(runs),
    });
  }
  return made;
}

function askedOf(run: string): Group["asked"] {
  const sweep = sweepOf(run);
  if (!sweep) return null;
  const { directory, first, seeds } = sweep;
  const all = Array.from({ length: seeds }, (_, i) => first + i);
  return { first, seeds, there: all.filter((seed) => existsSync(join(directory, `seed-${seed}`))) };
}

function csvReport(groups: readonly Group[]): string {
  const [header] = toText(EPOCHS, []).split("\n");
  const lines = groups.flatMap(({ runs }) =>
    runs.flatMap((run) => {
      const [, ...epochs] = toText(EPOCHS, run.epochRecords).trimEnd().split("\n");
      return epochs.map((epoch) =>
        [cell(folderOf(run)), cell(run.name), run.arm, run.recipe.train.seed, epoch, run.teacherTestAcc ?? "", run.recipe.train.precision].join(","),
      );
    }),
  );
  return [`folder,name,arm,seed,${header},teacher_test_acc,precision`, ...lines, ""].join("\n");
}

function jsonReport(groups: readonly Group[]): string {
  const runs = groups.flatMap((group) => group.runs);
  const comparisons = groups.flatMap((group) =>
    group.figures ? [{ directory: folderOf(group.runs[0]!), name: group.title, note: group.note, ...group.figures }] : [],
  );
  return `${visibleJson({ schema: 1, runs, comparisons, summary: overSeeds(groups)?.summary ?? null })}\n`;
}
