import type { PrintedFormat, ReportFormat } from "../../src-main/contract/host";

/** As what a report can be exported, as menus name it. */
export const reportFormats: { value: ReportFormat | PrintedFormat; label: string }[] = [
  { value: "html", label: "Web page" },
  { value: "pdf", label: "PDF" },
  { value: "png", label: "Picture (PNG)" },
  { value: "csv", label: "Table (CSV)" },
  { value: "json", label: "Data (JSON)" },
];
