import type { RunDetails, SeedsAsked } from "../../contract/run";
import type { ComparedInFolder } from "../figures";
import type { Example } from "./examples";

/** Runs that are overlaid in charts: the arms of a comparison, or a single run. */
export interface Group {
  title: string;
  /** What a person noted on it; "" for nothing. */
  note: string;
  runs: RunDetails[];
  /** Of a comparison whose arms are finished and can be compared; null otherwise. */
  figures: ComparedInFolder | null;
  /** Of a comparison of a sweep: the seeds that it was asked for, and those of them that have a folder. */
  asked: (SeedsAsked & { there: number[] }) | null;
  /** Of a comparison whose answers are kept; none otherwise. */
  examples: readonly Example[];
}
