/** The runs as data, within the page, for programs that read it. */
import type { RunDetails } from "../../contract/run";
import { batchTable, EPOCHS, partsOf, toText } from "../records";
import { html, type Markup } from "./markup";

/** Of longer runs a page does not hold each batch: 20,000 take about 2.4 MB. */
const MOST_BATCHES = 20_000;

const isTooLong = ({ batches }: RunDetails) => batches.length > MOST_BATCHES;

export function embedded(run: RunDetails) {
  const { batches, epochRecords, ...others } = run;
  return { ...others, batchesCsv: isTooLong(run) ? null : toText(batchTable(partsOf(batches)), batches), epochsCsv: toText(EPOCHS, epochRecords) };
}

/** What the page leaves out of runs; null if nothing. */
export function leftOutOf(runs: readonly RunDetails[]): Markup | null {
  const most = Math.max(0, ...runs.filter(isTooLong).map(({ batches }) => batches.length));
  if (most === 0) return null;
  return html`<p class="muted">This page has the curves of all ${most.toLocaleString("en")} batches, but not the figures of each one. These are in the file batches.csv of the run’s folder, and in the report as JSON.</p>`;
}
