/** What a page may ask of the program around it, checked: a page shows files from others, so it is not trusted. */
import path from "node:path";
import { z } from "zod";
import { exportFormatNames } from "../contract/exports";
import type { HostCall, HostCalls, PrintedFormat, ReportFormat } from "../contract/host";
import type { Recipe } from "../contract/recipe";
import { rememberedSweep } from "./preferences";

export const filePath = z.string().min(1).max(4096).refine(path.isAbsolute, "expected an absolute path");
export const printedFormat = z.enum(["pdf", "png"]);
export const reportFormat = z.enum(["html", "csv", "json", ...printedFormat.options]);
export const isPrinted = (format: ReportFormat | PrintedFormat): format is PrintedFormat => printedFormat.safeParse(format).success;

/** `parseRecipe` checks its content. */
const recipe = z.custom<Recipe>((value) => typeof value === "object" && value !== null, "expected a recipe");

/** The arguments of each call; anything else is refused. */
export const argumentsOf = {
  environment: z.tuple([]),
  connectEngine: z.tuple([]),
  chooseFolder: z.tuple([z.enum(["data", "download"])]),
  chooseFile: z.tuple([z.enum(["image", "weights"])]),
  allowHub: z.tuple([z.string().min(1).max(1000)]),
  chooseReportFile: z.tuple([reportFormat, z.string().min(1).max(200)]),
  chooseModelPlace: z.tuple([z.enum(exportFormatNames), z.string().min(1).max(200)]),
  saveRecipe: z.tuple([recipe]),
  printReport: z.tuple([filePath]),
  saveLeftOut: z.tuple([z.array(z.object({ path: z.string(), reason: z.string() }))]),
  openReport: z.tuple([filePath]),
  reveal: z.tuple([filePath]),
  setLesson: z.tuple([z.boolean()]),
  setTheme: z.tuple([z.enum(["system", "light", "dark"])]),
  takeOpened: z.tuple([]),
  rememberData: z.tuple([filePath]),
  rememberForm: z.tuple([z.object({ preset: z.string().max(100).nullable(), sweep: rememberedSweep, recipe })]),
  runEnded: z.tuple([z.object({ state: z.enum(["finished", "stopped", "failed"]), name: z.string().max(200) })]),
  setActivity: z.tuple([z.object({ state: z.enum(["idle", "running", "paused"]), progress: z.number().min(0).max(1) })]),
} satisfies { [Name in HostCall]: z.ZodType<HostCalls[Name]["args"]> };

/** The arguments of a call, checked against its schema. Throws an Error that names the call and what was wrong. */
export function checked(name: string, schema: z.ZodType<unknown[]>, args: unknown): unknown[] {
  const parsed = schema.safeParse(args);
  if (parsed.success) return parsed.data;
  throw new Error(`${name}: ${z.prettifyError(parsed.error)}`);
}
