/** The comparisons or trials of a sweep in the order in which they are trained: what is done, what runs, what waits. */

import { textOfValue } from "../../src-main/contract/setting";
import { settingAt } from "../../src-main/contract/settings";
import type { RunRow } from "./run-rows";
import { groupDifference, memberInWords, type RunGroup } from "./runs.svelte";

export interface QueueEntry {
  words: string;
  /** missing: nobody trains, and later ones are there. */
  state: "done" | "runs" | "open" | "waits" | "missing";
  /** null while it waits, and if it is missing. */
  group: RunGroup | null;
}

/** Those that wait beyond these are counted. */
export function queueOf(row: RunRow): QueueEntry[] {
  const entries = namesOf(row).map(({ words, folder }) => {
    const group = row.groups.find(({ directory }) => directory === `${row.directory}/${folder}`) ?? null;
    return { words, state: stateOf(row, group), group };
  });
  const begun = entries.map(({ group }) => group !== null).lastIndexOf(true);
  return entries.map((entry, place) => (entry.group === null && row.owner === null && place < begun ? { ...entry, state: "missing" } : entry));
}

function stateOf(row: RunRow, group: RunGroup | null): QueueEntry["state"] {
  if (!group) return "waits";
  if (group.owner !== null) return "runs";
  const isDone = row.kind === "search" ? row.search?.trials.some(({ directory }) => directory === group.directory) : groupDifference(group) !== null;
  return isDone ? "done" : "open";
}

function namesOf(row: RunRow): { words: string; folder: string }[] {
  if (row.kind === "search") return Array.from({ length: Math.max(row.asked, row.groups.length) }, (_, i) => trialAt(row, i + 1));
  const first = row.groups[0]?.sweep?.first ?? row.recipe?.train.seed ?? 0;
  const labels = row.kind === "labels" ? row.byLabels.map(({ labelled }) => labelled) : [null];
  const seeds = Math.ceil(row.asked / labels.length);
  const asked = labels.flatMap((labelled) =>
    Array.from({ length: seeds }, (_, i) => ({
      words: [labelled === null ? null : `${labelled} labels`, `seed ${first + i}`].filter(Boolean).join(", "),
      folder: [labelled === null ? null : `labels-${labelled}`, `seed-${first + i}`].filter(Boolean).join("/"),
    })),
  );
  // Where nothing tells which seeds were asked for, those that are there may be others.
  const others = row.groups.filter(({ directory }) => !asked.some(({ folder }) => directory === `${row.directory}/${folder}`));
  return [
    ...asked.filter((_, i) => others.length === 0 || row.groups.some(({ directory }) => directory === `${row.directory}/${asked[i]!.folder}`)),
    ...others.map((group) => ({ words: memberInWords(group) ?? group.name, folder: group.directory.slice(row.directory.length + 1) })),
  ];
}

function trialAt({ search, recipe }: RunRow, number: number): { words: string; folder: string } {
  const settings = search?.trials.find(({ trial }) => trial === number)?.settings ?? {};
  const words = Object.entries(settings).map(
    ([key, value]) =>
      `${(settingAt(key, recipe)?.label ?? key).toLowerCase()} ${typeof value === "number" ? Number(value.toPrecision(4)) : textOfValue(value)}`,
  );
  return { words: [`trial ${number}`, ...words].join(", "), folder: `trial-${String(number).padStart(3, "0")}` };
}
