import { basename, dirname } from "node:path";
import type { ListedRun } from "../contract/run";
import { readRequest } from "./request";

/** The sweep to which the arm in a folder belongs, with the seeds that it was asked for; null if it belongs to none. */
export function sweepOf(directory: string): ListedRun["sweep"] {
  const comparison = dirname(directory);
  if (!/^seed-\d+$/.test(basename(comparison))) return null;
  const sweep = dirname(comparison);
  const request = readRequest(sweep);
  return request && request.seeds > 1 ? { directory: sweep, first: request.recipe.train.seed, seeds: request.seeds } : null;
}
