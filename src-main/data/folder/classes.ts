import { InputError } from "../../contract/failure";
import { type Entry, entriesIn, whyNoImage } from "./entries";
import type { LeftOut } from "./left-out";
import { below, byCodePoint, isEscaped, shownPath } from "./names";

export interface ClassFolder {
  /** In the composed form of Unicode (NFC), in which names are compared. */
  name: string;
  /** Below the data's folder. */
  folder: string;
}

export interface ClassFiles extends ClassFolder {
  /** Paths below its folder. */
  files: string[];
}

const WHY = {
  "dead-link": "is a link that leads nowhere: if it is a class, bring back what it leads to (a drive that is not mounted?); otherwise remove the link",
  "link-loop": "is a link that leads in a circle: if it is a class, put a folder in its place; otherwise remove the link",
  refused: "cannot be looked into, so it may be a class: allow this program to read it, or remove it",
};

/**
 * The class folders in a folder below `root`, in the order of Python's `sorted`; what lies beside them is added to `leftOut`. Throws an InputError that names all
 * that may be a class and cannot be used as one: no class is left out.
 */
export function classesIn(root: string, folder: string, leftOut: LeftOut[]): ClassFolder[] {
  const classes: ClassFolder[] = [];
  const entries = entriesIn(below(root, folder));
  const problems = problemsIn(root, entries, folder);
  for (const entry of entries) {
    const path = below(folder, entry.name);
    if (problemOf(entry)) continue;
    if (entry.is === "folder") classes.push({ name: entry.name.normalize("NFC"), folder: path });
    else leftOut.push(looseFile(root, path, entry));
  }
  classes.sort((a, b) => byCodePoint(a.name, b.name) || byCodePoint(a.folder, b.folder));
  for (const [i, { name, folder }] of classes.entries())
    if (classes[i + 1]?.name === name)
      problems.push(`${below(root, folder)} has a name that another folder has too, in another form of Unicode: rename one of them, or merge them`);
  if (problems.length > 0) throw new InputError(problems.sort());
  return classes;
}

/** What is wrong with entries of a folder below `root` that may be classes. */
export function problemsIn(root: string, entries: readonly Entry[], folder: string): string[] {
  return entries.flatMap((entry) => {
    const problem = problemOf(entry);
    return problem ? [`${shownPath(below(root, below(folder, entry.name)))} ${problem}`] : [];
  });
}

function problemOf({ name, is }: Entry): string | null {
  if (is === "folder") return isEscaped(name) ? "has a name that is not UTF-8: rename it, since a class is known by its name" : null;
  return is === "file" || is === "special" ? null : WHY[is];
}

/** What lies where folders are expected. */
export function looseFile(root: string, path: string, { is }: Entry): LeftOut {
  if (is === "dead-link" || is === "link-loop" || is === "refused") return { path, reason: is };
  if (is !== "file") return { path, reason: "special" };
  const why = whyNoImage(below(root, path));
  return why === null || why.reason === "unread" ? { path, reason: "loose" } : { path, ...why };
}
