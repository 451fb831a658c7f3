import { threadsFrom } from "../contract/threads";
import { processorLimit } from "./control-groups";

export interface Processors {
  /** How many threads compute. */
  threads: number;
  /** In words, to follow the number of threads. */
  reason: string;
}

/**
 * How many threads compute: as many as DISTILL_THREADS says, otherwise one for each core that this process may run on (`cores`, by affinity), and no
 * more than the container's or service's quota of processors: what is beyond it would spend the quota by waiting. No result depends on it. Throws
 * a UsageError if DISTILL_THREADS is no such number.
 */
export function processors(cores: number, environment: NodeJS.ProcessEnv = process.env, root = "/"): Processors {
  const chosen = threadsFrom(environment.DISTILL_THREADS);
  if (chosen !== null) return { threads: chosen, reason: "as DISTILL_THREADS says" };
  const limit = processorLimit(root);
  if (!limit || limit.value >= cores) return { threads: cores, reason: "one for each core" };
  const allowed = Number(limit.value.toFixed(2));
  return { threads: Math.max(1, Math.floor(limit.value)), reason: `${limit.file} allows ${allowed} of ${cores} cores` };
}
