import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { comparedArms } from "../contract/arms";
import { readText } from "../disk/open-file";

/** Longer than what a start writes into any of its tables. */
const LONGEST = 10_000;

/**
 * Whether a file or folder is what a start leaves whose process died before the folder became a run, and holds nothing that anybody could miss:
 * a lock, what was asked for, an unfinished file, a table without lines, or a folder of nothing else.
 */
export function isLeftOver(path: string): boolean {
  const name = basename(path);
  if (!existsSync(path)) return true;
  if (statSync(path).isDirectory()) return [...comparedArms, "checkpoint"].includes(name) && readdirSync(path).every((each) => isLeftOver(join(path, each)));
  if (
    ["lock", "request.json", "request.json.partial"].includes(name) ||
    /^(recipe\.json|batches\.csv|epochs\.csv|events\.jsonl|evidence\.jsonl)\.partial$/.test(name)
  )
    return true;
  const table = TABLES[name];
  return table !== undefined && statSync(path).size < LONGEST && table.test(readText(path));
}

/** What a start writes, or the beginning of it. */
const TABLES: Record<string, RegExp | undefined> = {
  "batches.csv": /^(epoch(,\w*)*\n?)?\0*$/,
  "epochs.csv": /^(epoch(,\w*)*\n?)?\0*$/,
  "events.jsonl": /^({[^\n]*"type":"started"[^\n]*\n?)?\0*$/,
  "evidence.jsonl": /^\0*$/,
};
