import type { Compared, RunDetails } from "../../contract/run";

/** Runs that are overlaid in charts: the arms of a comparison, or a single run. */
export interface Group {
  title: string;
  runs: RunDetails[];
  /** Of a comparison whose arms are finished and can be compared; null otherwise. `damage`: why there are fewer figures than there should be. */
  figures: (Compared & { damage: string | null }) | null;
}
