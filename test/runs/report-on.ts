import { readFileSync } from "node:fs";
import { join } from "node:path";
import { atOnce } from "../../src-main/contract/turns";
import { writeReport } from "../../src-main/runs/report";
import { start } from "./example-run";

const { teacher: _, distillation: __, ...rest } = start.recipe;
/** Of the example's control. */
export const controlRecipe = { ...rest, teacher: null, distillation: null };

/** A report on runs, as text; it is written below the folder `parent`. */
export function reportOn(parent: string, format: "html" | "csv" | "json", ...runs: string[]): string {
  return readFileSync(atOnce(writeReport({ runs, format, out: join(parent, "reports", `report.${format}`) })), "utf8");
}
