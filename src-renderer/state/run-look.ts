/** What a row of the list says of where a run stands, and what can be done with it. */
import type { RunState } from "../../src-main/contract/run";
import type { RunRow } from "./run-rows";
import { lastSignInWords, ownerInWords, type RunGroup, type Whereabouts } from "./runs.svelte";
import type { Studio } from "./studio.svelte";
import { roughly } from "./words";

export type LookKind = "accent" | "caution" | "good" | "bad";

const looks: Record<RunState, { words: string; kind: LookKind }> = {
  running: { words: "Running", kind: "accent" },
  paused: { words: "Paused", kind: "caution" },
  stopped: { words: "Stopped", kind: "caution" },
  finished: { words: "Finished", kind: "good" },
  failed: { words: "Failed", kind: "bad" },
};

/** The member that somebody trains; null if nobody does. */
export const trainedMember = ({ groups }: RunRow): RunGroup | null => groups.find(({ owner }) => owner !== null) ?? null;

export function whereaboutsOfRow({ runs }: Studio, row: RunRow): Whereabouts {
  const member = trainedMember(row);
  return member ? runs.whereabouts(member) : "nowhere";
}

export function isLive(studio: Studio, row: RunRow): boolean {
  return ["here", "elsewhere"].includes(whereaboutsOfRow(studio, row));
}

export function lookOf(studio: Studio, row: RunRow): { words: string; kind: LookKind } {
  if (whereaboutsOfRow(studio, row) === "unknown") return { words: "Perhaps running", kind: "caution" };
  return row.damage !== null && !isLive(studio, row) ? { words: "Damaged", kind: "bad" } : looks[row.state];
}

/** Whether an owner of whom nothing is known is gone, the engine asks. Resuming restores what a finished run has lost. */
export function canResume(studio: Studio, row: RunRow): boolean {
  const isOpen = whereaboutsOfRow(studio, row) === "unknown" || row.state === "stopped" || row.state === "failed" || row.damage !== null;
  return isOpen && !studio.training.trainsHere && !isLive(studio, row);
}

/** One run at a time is on the screen Live, and the one that this app trains stays there. */
export const canWatch = (studio: Studio, row: RunRow): boolean => whereaboutsOfRow(studio, row) === "here" || !studio.training.trainsHere;

/** Who trains it, where that is worth saying. */
export function placeOf(studio: Studio, row: RunRow): string {
  const { owner } = row;
  const where = whereaboutsOfRow(studio, row);
  if (!owner || where === "nowhere") return "";
  if (where === "here") return "in this app";
  return where === "unknown" ? `${ownerInWords(owner)}; ${lastSignInWords(owner)}` : ownerInWords(owner);
}

/** What is left of a sweep or a search takes, by those that are finished, or by the run on the screen Live; null while nothing tells. */
export function timeLeftInWords({ training }: Studio, row: RunRow): string | null {
  if (training.trainsHere && training.directory === row.directory && training.progress) return `${roughly(training.progress.secondsLeft)} left`;
  const done = row.groups.filter(({ state }) => state === "finished");
  if (done.length === 0 || row.finished >= row.asked) return null;
  const each = done.flatMap(({ arms }) => arms).reduce((sum, { seconds }) => sum + seconds, 0) / done.length;
  return `${roughly(each * (row.asked - row.finished))} of training left, by those that are finished`;
}
