import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { comparedArms } from "../contract/arms";

const machine = z.object({
  arithmetic: z.object({ precision: z.string(), machine: z.union([z.object({ isa: z.string() }), z.object({ name: z.string() })]) }),
});

/**
 * Nodes may differ: in words, which runs computed in another precision or with other kernels than the others; null if all computed alike. What a folder does not say
 * is passed over.
 */
export function differencesInWords(runs: readonly { words: string; directory: string }[]): string | null {
  const kinds = new Map<string, string[]>();
  for (const { words, directory } of runs) {
    const kind = kindOf(directory);
    if (kind !== null) kinds.set(kind, [...(kinds.get(kind) ?? []), words.split(",")[0]!]);
  }
  if (kinds.size < 2) return null;
  const groups = [...kinds]
    .sort((a, b) => b[1].length - a[1].length)
    .map(([kind, [first, ...others]]) => `${kind} (${first}${others.length > 0 ? ` and ${others.length} more` : ""})`);
  return `The nodes did not compute alike: ${groups.join("; ")}. So runs differ by their rounding too, which moves accuracies about as much as another seed does. --set train.precision=fp32 gives all the same precision; nodes of one kind give the same bits`;
}

/** "fp32, avx2 kernels" */
function kindOf(directory: string): string | null {
  const file = ["", ...comparedArms].map((arm) => path.join(directory, arm, "recipe.json")).find((each) => existsSync(each));
  if (file === undefined) return null;
  const { success, data } = machine.safeParse(JSON.parse(readFileSync(file, "utf8")));
  if (!success) return null;
  const { precision, machine: on } = data.arithmetic;
  return `${precision}, ${"isa" in on ? `${on.isa} kernels` : on.name}`;
}
