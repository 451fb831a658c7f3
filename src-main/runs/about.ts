/** about.json in the folder of a run: its name, a note and whether it is the baseline, as a person says it. Training neither reads nor writes it. */
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { z } from "zod";
import { InputError } from "../contract/failure";
import { parseJson } from "../contract/json";
import { LONGEST_NAME, LONGEST_NOTE, NOTHING_SAID, type RunAbout } from "../contract/run-folder";
import { readText } from "../disk/open-file";
import { aboutFile, SCHEMA } from "./files";

const schema = z.object({
  schema: z.literal(SCHEMA),
  name: z.string().max(LONGEST_NAME).nullable().default(null),
  note: z.string().max(LONGEST_NOTE).default(""),
  baseline: z.boolean().default(false),
});

/** What about.json says, nothing where there is none. Throws an InputError if it cannot be read. */
export function readAbout(directory: string): RunAbout {
  const path = aboutFile(directory);
  if (!existsSync(path)) return NOTHING_SAID;
  try {
    const { schema: _, ...about } = schema.parse(parseJson(readText(path)));
    return about;
  } catch (cause) {
    const why = cause instanceof z.ZodError ? z.prettifyError(cause) : (cause as Error).message;
    throw new InputError(`${path} cannot be used: ${why}. It holds the run's name and notes alone: mend it, or delete it`, { cause });
  }
}

/** The name that a person gave to a run, or to the comparison, sweep or search that it is of, up to the folder `root`; null if none, or if it cannot be read. */
export function givenName(run: string, root: string): string | null {
  try {
    const { name } = readAbout(run);
    if (name !== null) return name;
  } catch {
    // Whoever lists the folders says what is wrong with it.
  }
  return run.length <= root.length || dirname(run) === root || dirname(run) === run ? null : givenName(dirname(run), root);
}
