/** The runs as people start them, one row each: a model trained alone, a comparison, a sweep over seeds or numbers of labels, a search. */
import type { ArmName } from "../../src-main/contract/arms";
import { summarize } from "../../src-main/contract/comparison";
import type { Recipe } from "../../src-main/contract/recipe";
import type { ArmFigures, Compared, ComparisonSummary, ListedRun, RunOwner, RunState, SeedsAsked } from "../../src-main/contract/run";
import { NOTHING_SAID, type RunAbout, type RunFolder, type SearchInBrief } from "../../src-main/contract/run-folder";
import { ranked } from "../../src-main/contract/search";
import { epochsInWords, figureOf, type GroupFigure, groupDifference, type RunGroup } from "./runs.svelte";
import { baseName, folderOf } from "./words";

export type RowKind = "model" | "comparison" | "seeds" | "labels" | "search";

export interface RunRow {
  directory: string;
  kind: RowKind;
  name: string;
  about: RunAbout;
  /** Its comparisons or trials, in the order of their numbers; itself where it is no sweep. */
  groups: RunGroup[];
  /** Of all of them. */
  arms: ListedRun[];
  /** Of the first; null if none can be read. */
  recipe: Recipe | null;
  /** Of a sweep over seeds alone: those that it was asked for; null where nothing tells. */
  seedsAsked: SeedsAsked | null;
  /** How many comparisons or trials were asked for, and how many are finished. */
  asked: number;
  finished: number;
  state: RunState;
  owner: RunOwner | null;
  /** What is wrong with its files, in words; null if nothing is. */
  damage: string | null;
  started: string;
  /** When one of its runs last wrote an event. */
  changed: string;
  /** That its epochs took. */
  seconds: number;
  /** Those of a comparison or a model may be of unequal epochs; those of a sweep are means over its finished seeds. */
  accuracy: { [Name in "control" | "same-images" | "student"]: GroupFigure | null };
  /** What the finished comparisons show; null for none, and for what has none. Of a sweep over numbers of labels: `byLabels`. */
  summary: ComparisonSummary | null;
  /** Whether each of them was proven to differ in the teacher alone when it was finished. */
  controlled: boolean;
  byLabels: LabelsPoint[];
  search: SearchInBrief | null;
  /** Batches at which each trial of a search ended; null for all of its epochs, and for other runs. */
  trialBatches: number | null;
}

/** A sweep at one number of labelled images. */
export interface LabelsPoint {
  labelled: number;
  finished: number;
  /** null before the first seed is finished. */
  summary: ComparisonSummary | null;
}

/** Newest first. `root`: the folder of all runs, which is itself no sweep. */
export function rowsOf(groups: readonly RunGroup[], folders: readonly RunFolder[], root: string): RunRow[] {
  const known = new Map(folders.map((folder) => [folder.directory, folder]));
  const rows = new Map<string, RunGroup[]>();
  const beside = countBy(groups, ({ directory }) => folderOf(directory));
  for (const group of groups) {
    const directory = rootOf(group, known, root, (folder) => beside.get(folder) ?? 0);
    rows.set(directory, [...(rows.get(directory) ?? []), group]);
  }
  return [...rows].map(([directory, members]) => rowOf(directory, members, known)).sort((a, b) => b.started.localeCompare(a.started));
}

function countBy<T>(all: readonly T[], keyOf: (one: T) => string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const one of all) counts.set(keyOf(one), (counts.get(keyOf(one)) ?? 0) + 1);
  return counts;
}

const numberIn = (folder: string, name: "seed" | "labels" | "trial"): number | null => {
  const digits = new RegExp(`^${name}-(\\d+)$`).exec(baseName(folder))?.[1];
  return digits === undefined ? null : Number(digits);
};

/** The sweep or search to which a comparison or trial belongs, by what the folder was asked for; where nothing tells, by the names of several side by side. */
function rootOf({ directory, sweep }: RunGroup, known: ReadonlyMap<string, RunFolder>, root: string, besides: (folder: string) => number): string {
  const isSeed = numberIn(directory, "seed") !== null;
  if (!isSeed && numberIn(directory, "trial") === null) return directory;
  const parent = folderOf(directory);
  if (parent === root) return directory;
  const above = folderOf(parent);
  if (isSeed && numberIn(parent, "labels") !== null && above !== root) return above;
  const asked = known.get(parent)?.asked;
  const isSweep = asked ? asked.seeds > 1 || asked.search !== null : sweep !== null;
  return isSweep || besides(parent) > 1 ? parent : directory;
}

function rowOf(directory: string, members: readonly RunGroup[], known: ReadonlyMap<string, RunFolder>): RunRow {
  const folder = known.get(directory);
  const groups = [...members].sort((a, b) => a.directory.localeCompare(b.directory, "en", { numeric: true }));
  const [first] = groups;
  const kind = kindOf(directory, groups);
  const arms = groups.flatMap((group) => group.arms);
  const search = folder?.search ?? null;
  const byLabels = kind === "labels" ? pointsOf(directory, groups, folder, known) : [];
  const whole = groups.filter((group) => groupDifference(group) !== null);
  const finished = kind === "search" ? (search?.trials.length ?? 0) : kind === "model" ? Number(first!.state === "finished") : whole.length;
  const asked = Math.max(askedIn(kind, groups, folder), finished);
  const summary = kind === "comparison" || kind === "seeds" ? summaryOf(whole, known) : null;
  const problems = groups.flatMap(({ damage }) => damage ?? []);
  return {
    directory,
    kind,
    name: folder?.about.name ?? first!.name,
    about: folder?.about ?? NOTHING_SAID,
    groups,
    arms,
    recipe: recipeOfListed(arms),
    seedsAsked: kind === "seeds" ? first!.sweep : null,
    asked,
    finished,
    state: stateOf(kind, groups, finished >= asked),
    owner: groups.find(({ owner }) => owner !== null)?.owner ?? null,
    damage: [...problems, ...(folder?.problem ? [folder.problem] : [])][0] ?? null,
    started: groups.map(({ started }) => started).sort()[0]!,
    changed: arms
      .map(({ changed }) => changed)
      .sort()
      .at(-1)!,
    seconds: arms.reduce((sum, { seconds }) => sum + seconds, 0),
    accuracy: accuracyOf(kind, groups, summary, search),
    summary,
    controlled: whole.length > 0 && whole.every((group) => foundIn(group, known)?.controlled === true),
    byLabels,
    search,
    trialBatches: folder?.asked?.search?.batches ?? null,
  };
}

function kindOf(directory: string, [first]: readonly RunGroup[]): RowKind {
  if (first!.directory === directory) return first!.arms.some(({ arm }) => arm === "single") ? "model" : "comparison";
  if (numberIn(first!.directory, "trial") !== null) return "search";
  return folderOf(first!.directory) === directory ? "seeds" : "labels";
}

function askedIn(kind: RowKind, groups: readonly RunGroup[], folder: RunFolder | undefined): number {
  const { seeds = null, labels = null, search = null } = folder?.asked ?? {};
  if (kind === "search") return search?.trials ?? groups.length;
  if (kind === "labels") return (seeds ?? 1) * (labels?.length ?? new Set(groups.map(({ directory }) => folderOf(directory))).size);
  return kind === "seeds" ? (seeds ?? groups[0]!.sweep?.seeds ?? groups.length) : 1;
}

/** Whether anything is going on counts most, then whether all that was asked for is done. A trial whose loss diverged is a result like any other. */
function stateOf(kind: RowKind, groups: readonly RunGroup[], isDone: boolean): RunState {
  if (groups.length === 1 && (kind === "model" || kind === "comparison")) return groups[0]!.state;
  const going = (["running", "paused"] as const).find((state) => groups.some((group) => group.state === state));
  if (going) return going;
  if (isDone) return "finished";
  return kind !== "search" && groups.some(({ state }) => state === "failed") ? "failed" : "stopped";
}

/** The recipe of listed arms: the student's, with the control's settings as its `control`. */
function recipeOfListed(arms: readonly ListedRun[]): Recipe | null {
  const of = (name: ArmName) => arms.find(({ arm, recipe }) => arm === name && recipe !== null)?.recipe ?? null;
  const [taught, control] = [of("student") ?? of("single"), of("control")];
  return taught && control ? { ...taught, control: { train: control.train } } : (taught ?? control);
}

function accuracyOf(
  kind: RowKind,
  [first, ...others]: readonly RunGroup[],
  summary: ComparisonSummary | null,
  search: SearchInBrief | null,
): RunRow["accuracy"] {
  const figure = (value: number | undefined): GroupFigure | null => (value === undefined ? null : { testAcc: value, byEpoch: null });
  if (summary)
    return { control: figure(summary.control.testAcc), "same-images": figure(summary.sameImages?.testAcc), student: figure(summary.student.testAcc) };
  if (kind === "search") return { control: null, "same-images": null, student: figure(bestTrial(search)?.valAcc ?? undefined) };
  if (others.length > 0 || kind === "labels") return { control: null, "same-images": null, student: null };
  return {
    control: figureOf(first!, "control"),
    "same-images": figureOf(first!, "same-images"),
    student: figureOf(first!, "student") ?? figureOf(first!, "single"),
  };
}

/** null before the first trial that did not diverge. */
export function bestTrial(search: SearchInBrief | null): SearchInBrief["trials"][number] | null {
  return ranked(search?.trials ?? []).find(({ valAcc }) => valAcc !== null) ?? null;
}

function pointsOf(directory: string, groups: readonly RunGroup[], folder: RunFolder | undefined, known: ReadonlyMap<string, RunFolder>): LabelsPoint[] {
  const labelled = groups.flatMap((group) => numberIn(folderOf(group.directory), "labels") ?? []);
  const all = [...new Set([...(folder?.asked?.labels ?? []), ...labelled])].sort((a, b) => a - b);
  return all.map((number) => {
    const whole = groups.filter((group) => folderOf(group.directory) === `${directory}/labels-${number}` && groupDifference(group) !== null);
    return { labelled: number, finished: whole.length, summary: summaryOf(whole, known) };
  });
}

/** What comparison.json has of a comparison, unless its arms say something else now. */
function foundIn(group: RunGroup, known: ReadonlyMap<string, RunFolder>): RunFolder["compared"] {
  const compared = known.get(group.directory)?.compared ?? null;
  const difference = groupDifference(group);
  return compared && difference !== null && Math.abs(compared.difference - difference) < 1e-9 ? compared : null;
}

function summaryOf(whole: readonly RunGroup[], known: ReadonlyMap<string, RunFolder>): ComparisonSummary | null {
  return whole.length === 0 ? null : summarize(whole.map((group) => comparedIn(group, foundIn(group, known))).sort((a, b) => a.seed - b.seed));
}

/** A finished comparison as the list knows it, without what the answers of its arms say. */
function comparedIn(group: RunGroup, found: RunFolder["compared"]): Compared {
  const figures = (name: ArmName) => {
    const arm = group.arms.find((candidate) => candidate.arm === name);
    return arm ? { trainAcc: arm.trainAcc!, testAcc: arm.testAcc!, agreement: null, divergence: null, calibrationError: null } : null;
  };
  const [control, same, student] = [figures("control")!, figures("same-images"), figures("student")!];
  const between = (a: ArmFigures, b: ArmFigures) => ({ difference: b.testAcc - a.testAcc, interval: null });
  return {
    seed: numberIn(group.directory, "seed") ?? group.arms.find(({ recipe }) => recipe)?.recipe?.train.seed ?? 0,
    control,
    student,
    sameImages: same && { ...same, teacherAdds: between(control, same), imagesAdd: between(same, student) },
    difference: student.testAcc - control.testAcc,
    interval: found?.interval ?? null,
    seconds: group.arms.reduce((sum, arm) => sum + arm.seconds, 0),
    testImages: found?.testImages ?? null,
    yardstick: found?.yardstick ?? null,
  };
}

/** What was trained last, if that is not finished and nobody trains it: somebody stopped it, or the program that trained it has ended. */
export function lastUnfinished(rows: readonly RunRow[]): RunRow | null {
  const last = [...rows].sort((a, b) => b.changed.localeCompare(a.changed))[0];
  return last?.state === "stopped" && last.owner === null ? last : null;
}

/** "demo", "few labels, over 3 seeds", "few labels, over 2 of 3 seeds so far", "found, 4 of 20 trials so far" */
export function rowInWords({ name, kind, asked, finished, byLabels }: RunRow): string {
  const so = finished < asked ? `${finished} of ${asked}` : String(asked);
  const far = finished < asked ? " so far" : "";
  if (kind === "seeds") return `${name}, over ${so} seeds${far}`;
  if (kind === "labels") return `${name}, at ${byLabels.length} numbers of labels, ${so} comparisons${far}`;
  return kind === "search" ? `${name}, ${so} trials${far}` : name;
}

/** "3 of 5 epochs", "2 of 3 seeds", "4 of 20 trials" */
export function progressInWords({ kind, groups, finished, asked }: RunRow): string {
  if (kind === "model" || kind === "comparison") return epochsInWords(groups[0]!);
  return `${finished} of ${asked} ${kind === "search" ? "trials" : kind === "seeds" ? "seeds" : "comparisons"}`;
}

/** What may be done about a run that ended before its time. */
export function unfinishedInWords(row: RunRow): string {
  const beginsAnew = row.groups.every((group) => group.beginsAnew);
  const next = beginsAnew ? "It has no checkpoint yet, so resuming begins it anew." : "Resumed, it ends with the same result as without the break.";
  return `${row.name} is not finished, and nobody trains it: ${progressInWords(row)} are done. ${next}`;
}
