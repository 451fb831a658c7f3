import { processors } from "../machine/processors";
import type { Addon } from "./addon";

let reason = "one for each core";

/** Lets as many threads compute as this process may use, in all threads that share the addon. Throws a UsageError if DISTILL_THREADS is wrong. */
export function limitThreads(addon: Addon): void {
  const found = processors(addon.threads());
  addon.setThreads(found.threads);
  reason = found.reason;
}

/** Why there are as many, in words. */
export const threadsReason = (): string => reason;
