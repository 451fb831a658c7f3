/** Cells of CSV files, RFC 4180. */
import type { LeftOutFile } from "./data-info";
import { visible } from "./visible";

/** What makes a spreadsheet take text for a formula, also at the places at which one with other separators begins a new cell. */
const FORMULA = /(^|[,;|])([\s"']*)(?=[=+\-@\uff1d\uff0b\uff0d\uff20])/g;

/** A name as a cell. An apostrophe keeps a spreadsheet from taking it for a formula. */
export function cell(name: string): string {
  const text = visible(name).replace(FORMULA, "$1$2'");
  return /[",]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
}

/** Which files of data are not used, and why. */
export function leftOutTable(files: readonly LeftOutFile[]): string {
  return ["path,reason", ...files.map(({ path, reason }) => `${cell(path)},${cell(reason)}`), ""].join("\n");
}

const CELL = /("(?:[^"]|"")*"|[^,]*)(,|$)/y;

/** The cells of a line; a name comes back as `cell` shows it. */
export function cellsOf(line: string): string[] {
  const cells: string[] = [];
  CELL.lastIndex = 0;
  for (let found = CELL.exec(line); found; found = CELL.exec(line)) {
    const [, text, end] = found;
    cells.push(text!.startsWith('"') ? text!.slice(1, -1).replace(/""/g, '"') : text!);
    if (end === "") break;
  }
  return cells;
}
