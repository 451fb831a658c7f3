import { dirname, resolve } from "node:path";
import { byArm } from "../contract/arms";
import { cell } from "../contract/csv";
import type { Methods } from "../contract/engine";
import { evidenceOf } from "../contract/evidence";
import { InputError } from "../contract/failure";
import type { RunDetails } from "../contract/run";
import type { InTurns } from "../contract/turns";
import { visibleJson } from "../contract/visible";
import { makeFolder } from "../disk/make-folder";
import { writeWhole } from "../disk/write-whole";
import { comparedIn } from "./figures";
import { readRunInTurns, runFolders } from "./reader";
import { EPOCHS, toText } from "./records";
import { examplesOf } from "./report/examples";
import type { Group } from "./report/group";
import { overSeeds } from "./report/over-seeds";
import { reportPage } from "./report/page";
import { folderOf, withoutPlaces } from "./report/places";
import { writeEventFiles } from "./report/tensorboard";

/**
 * Writes a report on runs, or on all runs in folders of runs, to the file `out` and returns its path. Charts overlay the arms of a
 * comparison. html: one page to read; csv: a line per run and epoch, and nothing that is computed from several; json: everything;
 * tensorboard: event files, in the new folder `out`. Throws an InputError if a folder holds no run. No report says where on this computer anything lies. `onDamage` hears what is damaged, and so not or not wholly in it.
 */
export function* writeReport({ runs, format, out }: Methods["report"]["params"], onDamage: (text: string) => void = () => {}): InTurns<string> {
  const path = resolve(out);
  const found: RunDetails[] = [];
  for (const directory of runs.flatMap(foldersIn)) found.push(yield* readRunInTurns(directory));
  const groups = yield* grouped(found);
  const named = withoutPlaces(groups, dirname(path));
  const text = { html: () => reportPage(named), csv: () => csvReport(named), json: () => jsonReport(named) };
  if (format === "tensorboard") writeEventFiles(named, path);
  else {
    makeFolder(dirname(path));
    writeWhole(path, text[format]());
  }
  for (const { runs, figures } of groups) {
    for (const { directory, evidenceDamage } of runs) if (evidenceDamage) onDamage(`${directory} is damaged, so nothing of it is proven: ${evidenceDamage}`);
    if (figures?.damage) onDamage(`figures that need predictions are missing: ${figures.damage}`);
  }
  return path;
}

function foldersIn(directory: string): string[] {
  const folders = runFolders(resolve(directory));
  if (folders.length === 0) throw new InputError(`${directory} holds no run: expected a folder with a file recipe.json, or one with such folders in it`);
  return folders;
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
    made.push({ title: runs[0]!.name, runs: runs.sort(byArm), figures, examples: examplesOf(runs) });
  }
  return made;
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
  const comparisons = groups.flatMap((group) => (group.figures ? [{ directory: folderOf(group.runs[0]!), name: group.title, ...group.figures }] : []));
  return `${visibleJson({ schema: 1, runs, comparisons, summary: overSeeds(groups)?.summary ?? null })}\n`;
}
