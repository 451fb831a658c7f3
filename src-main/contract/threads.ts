import { UsageError } from "./failure";

export const MOST_THREADS = 1024;

/** The number of threads in the environment variable DISTILL_THREADS; null if it is not set. Throws a UsageError for anything else. */
export function threadsFrom(text: string | undefined): number | null {
  if (text === undefined || text.trim() === "") return null;
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= MOST_THREADS) return count;
  throw new UsageError(`the environment variable DISTILL_THREADS: expected a whole number from 1 to ${MOST_THREADS}, got "${text}"`);
}
