import { readFileSync } from "node:fs";
import path from "node:path";

/** The commit that a copy of the program was packaged from; packaging writes it into package.json. null in a source tree. */
export function commitIn(root: string): string | null {
  const { commit } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as { commit?: string | null };
  return commit ?? null;
}
