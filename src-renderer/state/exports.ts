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

export type Exported = "model" | "folder" | ReportFormat | PrintedFormat;

/** What of a run can leave the program, as menus name it: a report, once it is trained its model, and, where no file manager shows it, all of it. */
export function exportsOf({ can }: Pick<Studio, "can">, row: RunRow | null): { value: Exported; label: string }[] {
  const isTrained = row !== null && exportable(row.groups).length > 0;
  const reports = reportFormats.filter(({ value }) => can.print || !(value === "pdf" || value === "png"));
  const model = isTrained ? [{ value: "model" as const, label: "Model for other programs" }] : [];
  const folder = can.reveal ? [] : [{ value: "folder" as const, label: "The whole run (.zip)" }];
  return [...reports, ...model, ...folder];
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
  if (what === "folder") return studio.fetch((group ?? row)!.directory);
  return studio.exportReport((group ?? row)!, what);
}
