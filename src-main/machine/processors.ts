import { openMpThreads, threadsFrom } from "../contract/threads";
import { processorLimit } from "./control-groups";

export interface Processors {
  /** How many threads compute. */
  threads: number;
  /** In words, to follow the number of threads. */
  reason: string;
  /** Whether there are fewer than cores although nobody asked this program for it. */
  limited: boolean;
}

/**
 * How many threads compute: as many as the flag --threads (`asked`) or DISTILL_THREADS says, otherwise one for each core that this process may run on (`cores`,
 * by affinity), and no more than OMP_NUM_THREADS and the container's or service's quota of processors allow: what is beyond them would take other jobs'
 * processors, or spend the quota by waiting. No result depends on it. Throws a UsageError if DISTILL_THREADS is no such number.
 */
export function processors(cores: number, asked: number | null = null, environment: NodeJS.ProcessEnv = process.env, root = "/"): Processors {
  if (asked !== null) return { threads: asked, reason: "as --threads says", limited: false };
  const chosen = threadsFrom(environment.DISTILL_THREADS);
  if (chosen !== null) return { threads: chosen, reason: "as DISTILL_THREADS says", limited: false };
  const openMp = openMpThreads(environment.OMP_NUM_THREADS);
  const ignored = openMp === "unreadable" ? `; OMP_NUM_THREADS, "${environment.OMP_NUM_THREADS}", is no number of threads` : "";
  const limits = [processorLimit(root), typeof openMp === "number" ? { file: "OMP_NUM_THREADS", value: openMp } : null];
  const [lowest] = limits.flatMap((limit) => (limit && limit.value < cores ? limit : [])).sort((a, b) => a.value - b.value);
  if (!lowest) return { threads: cores, reason: `one for each core${ignored}`, limited: false };
  const allowed = Number(lowest.value.toFixed(2));
  return { threads: Math.max(1, Math.floor(lowest.value)), reason: `${lowest.file} allows ${allowed} of ${cores} cores${ignored}`, limited: true };
}
