import { accessSync, constants, existsSync, lstatSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import type { DataFormat } from "../contract/data-formats";
import { InputError } from "../contract/failure";
import { isHubPath } from "../contract/hub-path";
import type { DataSource, Recipe } from "../contract/recipe";
import { pathsOf } from "../contract/recipe-values";
import { settingAt } from "../contract/settings";
import { locate } from "../data/locate";
import { naming } from "../disk/open-file";
import { isInside, realPathOf } from "../disk/within";

/** Throws an InputError if one of a comparison's own files already exists. */
export function expectAbsent(files: readonly string[]): void {
  const taken = files.find(existsSync);
  if (taken) throw new InputError(`${taken} already exists, and a comparison in that folder would overwrite it: choose another folder`);
}

/** Saves hours of work for a folder that cannot be created: the nearest existing folder must be writable. */
export function expectWritable(out: string): void {
  expectName(out);
  let existing = out;
  while (!existsSync(existing)) existing = dirname(existing);
  if (!statSync(existing).isDirectory()) throw new InputError(`${existing} is a file: expected a folder to write the run into; choose another name`);
  try {
    accessSync(existing, constants.W_OK);
  } catch (cause) {
    throw new InputError(`${existing} cannot be written to: ${(cause as Error).message}; choose another folder for the run`, { cause });
  }
}

/**
 * Throws an InputError if a new run would be written among images: they would be other ones from then on, and its files are none. Where the data do not
 * exist, whoever reads them says so.
 */
export function expectOutside({ path, format, unlabelled }: Pick<DataSource, "path" | "format" | "unlabelled">, out: string): void {
  const folders = [path === "bundled" ? null : placeOf(path, format), unlabelled === "rest" ? null : unlabelled];
  const real = realPathOf(out);
  const around = folders.find((folder) => folder && real !== null && isInside(real, realPathOf(folder) ?? folder));
  if (around)
    throw new InputError(
      `${out} ${real === realPathOf(around) ? "is" : "is inside"} the folder of images ${around}, and what is written there would be taken for data: choose another folder for it (--out)`,
    );
}

function placeOf(path: string, format: DataFormat): string | null {
  try {
    return locate(path, format).path;
  } catch (error) {
    if (error instanceof InputError) return null;
    throw error;
  }
}

/** Throws an InputError, which says how the run goes on, if data or weights of a run that is resumed are no longer there. */
export function expectNothingMoved(recipe: Recipe): void {
  const gone = pathsOf(recipe).find(({ path }) => !isHubPath(path) && !existsSync(path));
  if (!gone) return;
  const orElse = settingAt(gone.key)?.resumable ? `, or say where it is now, with --set ${gone.key}=NEW` : "";
  throw new InputError(`${gone.path} does not exist, and the run began with it: put it back${orElse}`);
}

/** The longest name in the folder of a run, while it is written. */
const LONGEST_INSIDE = join("same-images", "checkpoint", "latest.safetensors.partial");

/** Throws an InputError for a name that no folder can have here, which looks like one that is still free. */
function expectName(out: string): void {
  naming(out, "written", () => {
    try {
      lstatSync(join(out, LONGEST_INSIDE));
    } catch (error) {
      if (["ENAMETOOLONG", "ELOOP"].includes((error as NodeJS.ErrnoException).code!)) throw error;
    }
  });
}
