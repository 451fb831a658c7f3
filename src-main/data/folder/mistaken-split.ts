/** Folders that stand where classes are expected, but may be the parts of a split. */
import { InputError } from "../../contract/failure";
import { type Entry, isImageName } from "./entries";
import { entriesOrNone } from "./layout";
import { below, shownPath, sortNames } from "./names";

const PART = /^(train|training|test|testing|val|valid|validation)([-_ ]?(set|data|images|split))?$/i;
/** A class may well be called so: that of trains. */
const TRAIN = /^train$/i;

export const isPartName = (name: string): boolean => PART.test(name);

/** What was decided about folders that may be meant otherwise, in words. */
interface Doubts {
  notes: string[];
  warnings: string[];
}

/** Throws an InputError that names those of the class folders in a folder that are parts of a split by their names. */
export function doubtsOfClasses(folder: string, classes: readonly string[]): Doubts {
  const parts = sortNames(classes.filter(isPartName));
  const [first] = parts;
  if (first === undefined) return { notes: [], warnings: [...sameFolders(folder, classes), ...namedAsSiblings(folder, classes)] };
  const path = shownPath(below(folder, first));
  if (parts.length > 1 || foldersOf(folder, first).length > 0)
    throw new InputError(
      `${folder}: ${parts.join(" and ")} ${parts.length > 1 ? "look like the parts of a split, not like classes" : "looks like a part of a split, not like a class"}: name the folders train and test`,
    );
  if (TRAIN.test(first)) return { notes: [`${path} holds pictures and no class folders, so it is taken for a class of that name`], warnings: [] };
  throw new InputError(
    `${path} holds pictures, but no class folders: expected ${first}/<class>/, and train/<class>/ beside it; move it away to go on without it, or rename it if it is a class`,
  );
}

/** cat/ and dog/ in each of these: then those are the classes, more likely. */
function sameFolders(folder: string, classes: readonly string[]): string[] {
  const [first, ...others] = classes;
  const inner = foldersOf(folder, first!);
  if (inner.length < 2 || others.length === 0) return [];
  if (!others.every((each) => foldersOf(folder, each).join("/") === inner.join("/"))) return [];
  const text = `the folders in each of ${shownPath(folder)}/${sortNames([...classes]).join(", ")} are the same: ${inner.join(", ")}; the outer ones are taken for the classes: if the inner ones are, name the outer ones train and test`;
  return [text];
}

/** holdout/ with folders named as the classes beside it: then it is part of a split, more likely. */
function namedAsSiblings(folder: string, classes: readonly string[]): string[] {
  return classes.flatMap((name) => {
    const alike = foldersOf(folder, name).filter((inner) => classes.includes(inner));
    if (alike.length < 2) return [];
    const path = shownPath(below(folder, name));
    return [`${path} has folders with the names of classes beside it (${alike.join(", ")}), and is taken for a class: if it is none, move it away`];
  });
}

/** None, if pictures lie beside them. */
function foldersOf(folder: string, name: string): string[] {
  const entries: Entry[] = entriesOrNone(below(folder, name));
  if (entries.some((each) => each.is === "file" && isImageName(each.name))) return [];
  return sortNames(entries.flatMap((each) => (each.is === "folder" ? [each.name] : [])));
}
