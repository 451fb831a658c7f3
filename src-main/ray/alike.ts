/** What runs of different nodes may differ in besides what they were to differ in. What a folder does not say is passed over. */
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { comparedArms } from "../contract/arms";

const header = z.object({
  arithmetic: z.object({ precision: z.string(), machine: z.union([z.object({ isa: z.string() }), z.object({ name: z.string() })]) }),
});
/** How images are divided follows the seed, and the hash is of what comes out. */
const undivided = z.object({
  recipe: z.object({ data: z.object({ labelled: z.null(), validation: z.null() }) }),
  hashes: z.object({ data: z.string() }),
});

export interface NamedRun {
  /** As "seed 3". */
  name: string;
  directory: string;
}

/** Which runs computed in another precision or with other kernels than the others, in words; null if all computed alike. */
export function differencesInWords(runs: readonly NamedRun[]): string | null {
  const groups = groupsBy(
    runs,
    header,
    ({ arithmetic: { precision, machine } }) => `${precision}, ${"isa" in machine ? `${machine.isa} kernels` : machine.name}`,
  );
  if (groups === null) return null;
  return `The nodes did not compute alike: ${groups}. So runs differ by their rounding too, which moves accuracies about as much as another seed does. --set train.precision=fp32 gives all the same precision; nodes of one kind give the same bits`;
}

/** Which runs trained on other images than the others, in words; null if all had the same. */
export function otherImagesInWords(runs: readonly NamedRun[]): string | null {
  const groups = groupsBy(runs, undivided, ({ hashes }) => `data ${hashes.data.slice(0, 12)}`);
  if (groups === null) return null;
  return `The nodes did not train on the same images: ${groups}. So these runs say nothing about one another. Give all nodes the same data (#sha256=... after the address checks a download), and train again in another folder`;
}

/** The kinds of runs in words, the most frequent first; null if there are not two. */
function groupsBy<T>(runs: readonly NamedRun[], schema: z.ZodType<T>, kindOf: (content: T) => string): string | null {
  const kinds = new Map<string, string[]>();
  for (const { name, directory } of runs) {
    const content = contentOf(directory, schema);
    if (content !== null) kinds.set(kindOf(content), [...(kinds.get(kindOf(content)) ?? []), name]);
  }
  if (kinds.size < 2) return null;
  return [...kinds]
    .sort((a, b) => b[1].length - a[1].length)
    .map(([kind, [first, ...others]]) => `${kind} (${first}${others.length > 0 ? ` and ${others.length} more` : ""})`)
    .join("; ");
}

/** Of a run, or of an arm of a comparison. */
function contentOf<T>(directory: string, schema: z.ZodType<T>): T | null {
  const file = ["", ...comparedArms].map((arm) => path.join(directory, arm, "recipe.json")).find((each) => existsSync(each));
  return file === undefined ? null : (schema.safeParse(JSON.parse(readFileSync(file, "utf8"))).data ?? null);
}
