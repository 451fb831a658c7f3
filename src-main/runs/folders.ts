/** What folders of runs say beside their runs: requests, results, and what a person says of them. */
import { existsSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { z } from "zod";
import { InputError } from "../contract/failure";
import { parseJson } from "../contract/json";
import type { ComparedInBrief, RunAbout, RunFolder } from "../contract/run-folder";
import { NOTHING_SAID } from "../contract/run-folder";
import { naming, readText } from "../disk/open-file";
import { writeWhole } from "../disk/write-whole";
import { readAbout } from "./about";
import { aboutFile, requestFile, SCHEMA, searchFiles } from "./files";
import { RUN_DEPTH, runFolders } from "./reader";
import { readRequest } from "./request";
import { searchInBrief } from "./search";

/** The folders in `directory` that say something of the runs in them, those of sweeps before those of their comparisons. */
export function listFolders(directory: string): RunFolder[] {
  const folders = new Set(runFolders(directory).flatMap((run) => pathTo(run, directory)));
  return [...folders].map(folderAt).filter(({ about, asked, compared, search, problem }) => about !== NOTHING_SAID || asked || compared || search || problem);
}

/** The folders from `root`, without it, to a run; the run alone if it is the root. */
function pathTo(run: string, root: string): string[] {
  return run === root ? [run] : [...(dirname(run) === root ? [] : pathTo(dirname(run), root)), run];
}

function folderAt(directory: string): RunFolder {
  const problems: string[] = [];
  const attempt = <T>(read: () => T, otherwise: T): T => {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      problems.push(error.message);
      return otherwise;
    }
  };
  const about = attempt(() => readAbout(directory), NOTHING_SAID);
  const request = existsSync(requestFile(directory)) ? readRequest(directory) : null;
  const search = existsSync(searchFiles(directory).search) ? searchInBrief(directory) : null;
  return {
    directory,
    about,
    asked: request && { seeds: request.seeds, labels: request.labels, search: request.search ?? null },
    compared: attempt(() => comparedIn(directory), null),
    search,
    problem: problems.length > 0 ? problems.join("; ") : null,
  };
}

const comparedSchema = z.object({
  /** The results of sweeps have seeds instead. */
  seed: z.number(),
  difference: z.number(),
  interval: z.tuple([z.number(), z.number()]).nullable().default(null),
  testImages: z.number().nullable().default(null),
  yardstick: z.object({ oneAnswer: z.number(), teacher: z.number().nullable() }).nullable().default(null),
  controlled: z.boolean(),
});

/** Results of earlier versions, and those of sweeps, have no such content: their arms say what they came to. */
function comparedIn(directory: string): ComparedInBrief | null {
  const path = join(directory, "comparison.json");
  if (!existsSync(path)) return null;
  try {
    const { data } = comparedSchema.safeParse(parseJson(readText(path)));
    if (!data) return null;
    const { seed: _, ...compared } = data;
    return compared;
  } catch (cause) {
    throw new InputError(`${path} cannot be read: ${(cause as Error).message}`, { cause });
  }
}

/** Says something else of the run in a folder; what is left out stays. Throws an InputError if there is no run, or if about.json cannot be read or written. */
export function describeRun(directory: string, { name, note, baseline }: { [Key in keyof RunAbout]?: RunAbout[Key] | undefined }): RunAbout {
  if (runFolders(directory, RUN_DEPTH).length === 0) throw new InputError(`${directory} holds no run: expected a run, a comparison, a sweep or a search`);
  const before = readAbout(directory);
  const about: RunAbout = {
    name: name === undefined ? before.name : name?.trim() || null,
    note: (note ?? before.note).trim(),
    baseline: baseline ?? before.baseline,
  };
  const path = aboutFile(directory);
  const saysNothing = about.name === null && about.note === "" && !about.baseline;
  if (!saysNothing) writeWhole(path, `${JSON.stringify({ schema: SCHEMA, ...about }, null, 2)}\n`);
  else if (existsSync(path)) naming(path, "deleted", () => rmSync(path));
  return about;
}
