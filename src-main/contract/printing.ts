/** Arguments of the app with which it prints a report and ends, instead of opening its window. */
import type { PrintedFormat } from "./host";

export const PRINT_PAGE = "--print-report=";
export const PRINT_TO = "--print-to=";
export const PRINT_AS = "--print-as=";

export interface PrintJob {
  page: string;
  out: string;
  format: PrintedFormat;
}

/** null: the app is to open its window. */
export function printJobIn(args: readonly string[]): PrintJob | null {
  const after = (name: string) => args.find((argument) => argument.startsWith(name))?.slice(name.length);
  const [page, out, format] = [after(PRINT_PAGE), after(PRINT_TO), after(PRINT_AS)];
  return page && out && (format === "pdf" || format === "png") ? { page, out, format } : null;
}
