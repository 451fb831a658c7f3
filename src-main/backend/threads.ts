import { threadsInArguments } from "../contract/threads";
import { type Processors, processors } from "../machine/processors";
import type { Addon } from "./addon";

let chosen: Processors | null = null;

/**
 * Lets as many threads compute as this process was asked to use by its arguments, or may use, in all threads that share the addon. Throws a UsageError if
 * DISTILL_THREADS is wrong.
 */
export function limitThreads(addon: Addon): void {
  chosen = processors(addon.threads(), threadsInArguments(process.argv));
  addon.setThreads(chosen.threads);
}

/** Why there are as many, in words. */
export const threadsReason = (): string => chosen?.reason ?? "one for each core";

/** That fewer compute than the machine has cores, in words, where nobody asked this program for it; null where all do. */
export function fewerThreadsNote(): string | null {
  if (!chosen?.limited) return null;
  const { threads, reason } = chosen;
  return `${threads === 1 ? "One thread computes" : `${threads} threads compute`}: ${reason}; --threads takes another number. No result depends on it.`;
}
