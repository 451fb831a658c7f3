import type { RunDetails } from "../../contract/run";
import type { ComparedInFolder } from "../figures";

/** Runs that are overlaid in charts: the arms of a comparison, or a single run. */
export interface Group {
  title: string;
  runs: RunDetails[];
  /** Of a comparison whose arms are finished and can be compared; null otherwise. */
  figures: ComparedInFolder | null;
}
