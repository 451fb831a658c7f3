import { sep } from "node:path";
import { stopPoint } from "../stop";
import { type Entry, entriesIn, identityOf, whyNoImage } from "./entries";
import type { LeftOut } from "./left-out";
import { below, sortNames } from "./names";

/** The images of a class, or of a folder that has no classes. */
export interface FolderFiles {
  /** Paths below the folder. */
  files: string[];
  /** Paths below `root`. */
  leftOut: LeftOut[];
}

/** So many files are looked into between two stop points. */
const LOOKS = 1000;

/**
 * The images in a folder and the folders in it, in the order of torchvision's ImageFolder: by the path of the folder, then by name. Links are followed, but
 * no folder is read twice, so that none is entered without end. `folder` is a path below `root`. Throws the system's error if the folder itself cannot be
 * listed.
 */
export async function filesBelow(root: string, folder: string, signal?: AbortSignal): Promise<FolderFiles> {
  const leftOut: LeftOut[] = [];
  const folders = foldersBelow(root, folder, leftOut);
  const files: string[] = [];
  let looks = 0;
  for (const inner of sortNames([...folders.keys()])) {
    for (const name of sortNames(folders.get(inner)!)) {
      const file = below(inner, name);
      const path = below(folder, file);
      const why = whyNoImage(below(root, path));
      if (why) leftOut.push({ path, ...why });
      else files.push(file);
      if (why && ++looks % LOOKS === 0) await stopPoint(signal);
    }
  }
  await stopPoint(signal);
  return { files, leftOut };
}

/** By their paths below `folder`, "" being itself: the names of the files in each. Links come last, so that a folder is read where it lies. */
function foldersBelow(root: string, folder: string, leftOut: LeftOut[]): Map<string, string[]> {
  const folders = new Map<string, string[]>();
  const seen = new Set(ancestorsOf(root, folder).map(identityOf));
  const [waiting, links] = [[""], [] as string[]];
  for (let inner = waiting.pop(); inner !== undefined; inner = waiting.pop() ?? nextNew(links)) {
    const entries = inner === "" ? entriesIn(below(root, folder)) : entriesOrWhy(root, below(folder, inner), leftOut);
    if (!entries) continue;
    folders.set(inner, []);
    for (const { name, is, isLink } of entries) {
      const path = below(inner, name);
      if (is === "file") folders.get(inner)!.push(name);
      else if (is !== "folder") leftOut.push({ path: below(folder, path), reason: is });
      else if (isLink) links.push(path);
      else if (isNew(path)) waiting.push(path);
    }
  }
  return folders;

  function nextNew(links: string[]): string | undefined {
    for (let path = sortNames(links).shift(); path !== undefined; path = links.shift()) {
      if (isNew(path)) return path;
      leftOut.push({ path: below(folder, path), reason: "again" });
    }
    return undefined;
  }

  function isNew(inner: string): boolean {
    const before = seen.size;
    return seen.add(identityOf(below(root, below(folder, inner)))).size > before;
  }
}

function entriesOrWhy(root: string, path: string, leftOut: LeftOut[]): Entry[] | null {
  try {
    const entries = entriesIn(below(root, path));
    if (entries.length > 0) return entries;
    leftOut.push({ path, reason: "empty" });
  } catch (error) {
    leftOut.push({ path, reason: "refused", detail: (error as NodeJS.ErrnoException).code });
  }
  return null;
}

/** A folder below `root`, those between them, and `root`. */
function ancestorsOf(root: string, folder: string): string[] {
  const names = folder === "" ? [] : folder.split(sep);
  return [root, ...names.map((_, i) => below(root, names.slice(0, i + 1).join(sep)))];
}
