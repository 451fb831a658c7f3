import { UsageError } from "./failure";

export const MOST_THREADS = 1024;

/** The number of threads in the environment variable DISTILL_THREADS; null if it is not set. Throws a UsageError for anything else. */
export function threadsFrom(text: string | undefined): number | null {
  if (text === undefined || text.trim() === "") return null;
  const count = threadCount(text);
  if (count !== null) return count;
  throw new UsageError(`the environment variable DISTILL_THREADS: expected a whole number from 1 to ${MOST_THREADS}, got "${text}"`);
}

/**
 * The number in OMP_NUM_THREADS, by which batch systems and Ray tell a job its processors; of a list, the first, as OpenMP has it. null if it is not set,
 * "unreadable" for anything else, as programs with OpenMP ignore that too.
 */
export function openMpThreads(text: string | undefined): number | null | "unreadable" {
  if (text === undefined || text.trim() === "") return null;
  return threadCount(text.split(",")[0]!) ?? "unreadable";
}

function threadCount(text: string): number | null {
  const count = Number(text);
  return Number.isInteger(count) && count >= 1 && count <= MOST_THREADS ? count : null;
}

const FLAG = "--threads=";

/** The arguments of the engine's process that give it a number of threads. */
export const threadArguments = (threads: number | undefined): string[] => (threads === undefined ? [] : [`${FLAG}${threads}`]);

/** The number that `threadArguments` gave; null if there is none. */
export function threadsInArguments(args: readonly string[]): number | null {
  const given = args.find((arg) => arg.startsWith(FLAG));
  return given === undefined ? null : threadCount(given.slice(FLAG.length));
}
