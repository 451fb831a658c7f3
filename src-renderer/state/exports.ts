import type { PrintedFormat, ReportFormat } from "../../src-main/contract/host";
import { exportable } from "./model-export.svelte";
import type { RunRow } from "./run-rows";
import type { Reported, RunGroup } from "./runs.svelte";
import type { Studio } from "./studio.svelte";

export const reportFormats: { value: ReportFormat | PrintedFormat; label: string }[] = [
  { value: "html", label: "Report: Web page" },
  { value: "pdf", label: "Report: PDF" },
  { value: "png", label: "Report: Picture (PNG)" },
  { value: "csv", label: "Report: Table (CSV)" },
  { value: "json", label: "Report: Data (JSON)" },
];

export type Exported = "model" | ReportFormat | PrintedFormat;

/** What of a run can leave the program, as menus name it: a report, and, once it is trained, its model. */
export function exportsOf({ can }: Pick<Studio, "can">, row: RunRow | null): { value: Exported; label: string }[] {
  const isTrained = row !== null && exportable(row.groups).length > 0;
  const reports = reportFormats.filter(({ value }) => can.print || !(value === "pdf" || value === "png"));
  return [...reports, ...(isTrained ? [{ value: "model" as const, label: "Model for other programs" }] : [])];
}

/** Several runs, to report on side by side. */
export function together(rows: readonly RunRow[]): Reported {
  const [first] = rows;
  const name = rows.length === 1 ? first!.name : `${first!.name} and ${rows.length - 1} more`;
  return { name, started: first!.started, arms: rows.flatMap(({ arms }) => arms) };
}

/** `group`: one of the run's comparisons, where it is not all of it that is meant. */
export function exportAs(studio: Studio, row: RunRow | null, what: Exported, group: RunGroup | null = null): Promise<void> | void {
  if (what === "model") return studio.modelExport.open(row!, group);
  return studio.exportReport((group ?? row)!, what);
}
