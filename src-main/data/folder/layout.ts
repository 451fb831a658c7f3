import { InputError } from "../../contract/failure";
import { looseFile } from "./classes";
import { type Entry, entriesIn, isImageName } from "./entries";
import type { LeftOut } from "./left-out";
import { below, shownPath, sortNames } from "./names";

/** Names of folders in a data set, small or capital letters. */
const roles = {
  train: ["train", "training"],
  validation: ["val", "valid", "validation"],
  test: ["test", "testing"],
} as const;
type Role = keyof typeof roles;

/** Which folders below the data's hold what; "" is the data's folder itself. */
export interface Layout {
  /** Classes alone, without a split. */
  undivided: string | null;
  train: string | null;
  validation: string | null;
  test: string | null;
  /** What lies beside these. */
  leftOut: LeftOut[];
  /** What stands for something else, in words. */
  note: string | null;
}

export const EXPECTED = "the folders train/<class>/ and test/<class>/ with images, or a folder <class>/ for each class";

export const isImageFolder = (folder: string): boolean => layoutOf(folder) !== null;

/** Why a folder is none of images, where it is close to one; null if it is not. */
export function nearMiss(folder: string): string | null {
  const entries = entriesIn(folder);
  const folders = entries.flatMap(({ name, is }) => (is === "folder" ? [name] : []));
  const images = entries.filter(({ name, is }) => is === "file" && isImageName(name)).length;
  if (folders.length === 0 && images > 0)
    return `${shownPath(folder)} holds ${images === 1 ? "1 image" : `${images} images`} but no class folders: if it is one of several classes, choose the folder above it; otherwise sort the images into a folder for each class`;
  const inner = folders.map((name) => below(folder, name)).find((each) => entriesOrNone(each).length > 0 && isImageFolder(each));
  if (inner !== undefined) return `${shownPath(folder)} holds no images in a known layout, but ${shownPath(inner)} does: name that one`;
  const [only, ...others] = folders;
  if (only === undefined || others.length > 0 || !holdsImage(below(folder, only), 1)) return null;
  return `${shownPath(folder)} has one class only, ${shownPath(only)}/: expected a folder for each of at least two classes`;
}

/** The names of folders that may be classes, where there is no split; null otherwise. */
export function undividedClasses(folder: string): string[] | null {
  if (layoutOf(folder)?.undivided !== "") return null;
  return entriesIn(folder).flatMap(({ name, is }) => (is === "folder" ? [name.normalize("NFC")] : []));
}

/** The layout of a folder of images; null if it has none that is known. Throws an InputError if it has two folders of one role. */
export function layoutOf(folder: string): Layout | null {
  const entries = entriesIn(folder);
  const folders = sortNames(entries.flatMap(({ name, is }) => (is === "folder" ? [name] : [])));
  const found = { train: inRole("train", folders, folder), validation: inRole("validation", folders, folder), test: inRole("test", folders, folder) };
  if (!isDivided(folder, found)) return isFolderOfClasses(folder, folders) ? { ...none, undivided: "" } : null;
  const others = entries.filter(({ name }) => !Object.values(found).includes(name));
  const leftOut = others.map((entry): LeftOut => (entry.is === "folder" ? { path: entry.name, reason: "no-split" } : looseFile(folder, entry.name, entry)));
  if (found.test !== null || found.validation === null) return { ...none, ...found, leftOut };
  const note = `there is no folder test, so ${shownPath(found.validation)} serves as the test images`;
  return { ...none, ...found, test: found.validation, validation: null, leftOut, note };
}

const none: Layout = { undivided: null, train: null, validation: null, test: null, leftOut: [], note: null };

function inRole(role: Role, folders: readonly string[], folder: string): string | null {
  const names: readonly string[] = roles[role];
  const those = folders.filter((name) => names.includes(name.toLowerCase()));
  if (those.length > 1)
    throw new InputError(`${shownPath(folder)} has ${those.join(" and ")}: expected one folder of ${role} images; rename or remove the other`);
  return those[0] ?? null;
}

/** Two of the folders are a split whatever they hold; one alone might be a class of that name, unless it holds folders itself. */
function isDivided(folder: string, { train, validation, test }: Record<Role, string | null>): boolean {
  const those = [train, validation, test].filter((name) => name !== null);
  return those.length > 1 || those.some((name) => entriesOrNone(below(folder, name)).some(({ is }) => is !== "file"));
}

/** So deep below a class folder an image is looked for, to tell a folder of classes from any other. */
const DEPTH = 2;

function isFolderOfClasses(folder: string, folders: readonly string[]): boolean {
  return folders.length > 1 && folders.some((name) => holdsImage(below(folder, name), DEPTH));
}

function holdsImage(folder: string, depth: number): boolean {
  const entries = entriesOrNone(folder);
  if (entries.some(({ name, is }) => is === "file" && isImageName(name))) return true;
  return depth > 1 && entries.some(({ name, is }) => is === "folder" && holdsImage(below(folder, name), depth - 1));
}

/** Empty if the system refuses: whoever reads the folder says so. */
export function entriesOrNone(folder: string): Entry[] {
  try {
    return entriesIn(folder);
  } catch {
    return [];
  }
}
