/** A report goes to other people: it names folders and files, but does not say where on this computer they lie. */
import { homedir } from "node:os";
import { basename, dirname, isAbsolute, relative, sep } from "node:path";
import { pathsOf } from "../../contract/recipe-values";
import type { RunDetails } from "../../contract/run";
import { shortestName } from "../../disk/shortest-name";
import type { Group } from "./group";

/** The folder of a comparison or of a run that belongs to none. */
export function folderOf({ arm, directory }: Pick<RunDetails, "arm" | "directory">): string {
  return arm === "single" ? directory : dirname(directory);
}

/** The groups with names in place of paths: of what lies in the report's folder, the path from there, of everything else, its last names. */
export function withoutPlaces(groups: readonly Group[], folder: string): Group[] {
  const folders = [...new Set(groups.flatMap(({ runs }) => runs.map(folderOf)))];
  const outside = folders.filter((path) => !isInside(path, folder));
  const files = groups.flatMap(({ runs }) => runs.flatMap(({ recipe }) => pathsOf(recipe).map(({ path }) => path))).filter((path) => isAbsolute(path));
  const names = new Map<string, string>([
    ...files.map((path) => [path, basename(path)] as const),
    ...folders.map((path) => [path, isInside(path, folder) ? relative(folder, path) : shortestName(path, outside)] as const),
  ]);
  return groups.map(({ title, note, runs, figures, asked, examples }) => ({
    title,
    note: withNames(note, names),
    // Figures of batches and epochs are long, and hold no paths.
    runs: runs.map(({ batches, epochRecords, ...run }) => ({ ...withNames(run, names), batches, epochRecords })),
    figures: withNames(figures, names),
    asked,
    examples,
  }));
}

/** A value in whose texts names stand for paths, of which "" is the report's own folder; for the user's folder "~". */
export function withNames<T>(value: T, names: ReadonlyMap<string, string>): T {
  const longestFirst = [[homedir(), "~"] as const, ...names].sort(([a], [b]) => b.length - a.length);
  return mapTexts(value, (text) => longestFirst.reduce(withName, text));
}

const isInside = (path: string, folder: string): boolean => !relative(folder, path).startsWith("..") && !isAbsolute(relative(folder, path));

/** What lies in the place keeps its name below it; the place itself is "." where it is the report's own folder. */
function withName(text: string, [place, name]: readonly [string, string]): string {
  return text.replaceAll(`${place}${sep}`, name === "" ? "" : `${name}${sep}`).replaceAll(place, name || ".");
}

function mapTexts<T>(value: T, change: (text: string) => string): T {
  if (typeof value === "string") return change(value) as T;
  if (Array.isArray(value)) return value.map((each) => mapTexts(each, change)) as T;
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, mapTexts(each, change)])) as T;
}
