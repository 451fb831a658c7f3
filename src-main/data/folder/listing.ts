import { InputError } from "../../contract/failure";
import { TEST_SHARE } from "../../contract/settings";
import { readInWords } from "../image-kind";
import { filesBelow } from "./class-files";
import { type ClassFiles, type ClassFolder, classesIn, problemsIn } from "./classes";
import { divideFiles } from "./divide";
import { entriesIn } from "./entries";
import { EXPECTED, type Layout, layoutOf } from "./layout";
import { groupsInWords, type LeftOut } from "./left-out";
import { doubtsOfClasses, isPartName } from "./mistaken-split";
import { below, shownPath } from "./names";

/** The images of a folder, not opened yet. */
export interface FolderListing {
  /** The data's folder, to which all paths are relative; `names.ts` says how bytes stand in them that are no UTF-8. */
  folder: string;
  /** In the order of Python's `sorted`; a label is an index into them. */
  classes: string[];
  /** null where only the test images were asked for. */
  train: ListedSplit | null;
  /** Of a folder of its own; null if there is none. */
  validation: ListedSplit | null;
  test: ListedSplit;
  leftOut: LeftOut[];
  /** Whether the folder has classes alone, so that the test images are a share of each. */
  undivided: boolean;
  /** Which folders hold what, in words. */
  layout: string;
  /** What was decided about the layout, in words. */
  notes: string[];
  /** What may be meant otherwise, in words. */
  warnings: string[];
}

/** One of each class in turn (its first file, then its second, ...), so that the first n are balanced. */
export interface ListedSplit {
  readonly count: number;
  /** [count] */
  readonly labels: Int32Array;
  /** Path of an image below the data's folder. */
  path(index: number): string;
}

export interface ListOptions {
  /** all: what training needs. test: only the test images, of whichever classes there are. found: whatever there is. */
  part: "all" | "test" | "found";
  /** Of a folder without a split: share of each class that becomes test images; null: all images are test images. */
  testShare: number | null;
  /** Chooses those. */
  splitSeed: number;
  signal?: AbortSignal;
}

/**
 * Lists an image folder without opening the images. Throws an InputError that names what may be a class and cannot be used as one, and, unless only the test
 * images are asked for, if there are fewer than two classes, if train and test have different ones, or if a class has no images.
 */
export async function listFolder(folder: string, options: ListOptions): Promise<FolderListing> {
  const layout = layoutOf(folder);
  if (!layout) throw new InputError(`${folder} holds no images in a known layout: expected ${EXPECTED}`);
  const leftOut = [...layout.leftOut];
  const notes = layout.note ? [layout.note] : [];
  const warnings: string[] = [];
  const list = (part: string) => listClasses(folder, part, leftOut, options.signal);
  if (layout.undivided !== null) return undivided(folder, await list(layout.undivided), { leftOut, notes, warnings }, options);
  if (layout.test === null) throw missingTest(folder, layout);
  if (options.part !== "test") notes.push(...unusedDivision(folder, layout.test, options));
  expectClassFolders(folder, options.part === "test" ? [layout.test] : [layout.train, layout.validation, layout.test]);
  const test = await list(layout.test);
  if (options.part === "test" || (options.part === "found" && layout.train === null))
    return {
      folder,
      classes: namesOf(test),
      train: null,
      validation: null,
      test: inTurn(test),
      leftOut,
      undivided: false,
      layout: layoutInWords(layout),
      notes,
      warnings,
    };
  const train = await list(trainFolder(folder, layout));
  const validation = layout.validation === null ? null : await list(layout.validation);
  expectTwo(below(folder, layout.train!), train);
  expectClasses(folder, train, { name: layout.test, classes: test });
  expectImages(folder, [...train, ...test], leftOut);
  if (validation) notes.push(`the images in ${layout.validation} are the validation images`);
  return {
    folder,
    classes: namesOf(train),
    train: inTurn(train),
    validation: validation && inTurn(aligned(folder, train, { name: layout.validation!, classes: validation })),
    test: inTurn(test),
    leftOut,
    undivided: false,
    layout: layoutInWords(layout),
    notes,
    warnings,
  };
}

/** "train and test, in each a folder for each class" */
function layoutInWords({ train, validation, test }: Layout): string {
  const parts = [train, validation, test].flatMap((part) => (part === null ? [] : [shownPath(part)]));
  const all = parts.length > 1 ? `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}, in each` : `${parts[0]}, in it`;
  return `${all} a folder for each class`;
}

type Said = Pick<FolderListing, "leftOut" | "notes" | "warnings">;

function undivided(folder: string, classes: ClassFiles[], said: Said, { part, testShare, splitSeed }: ListOptions): FolderListing {
  const names = namesOf(classes);
  const doubts = doubtsOfClasses(folder, names);
  const [notes, warnings] = [
    [...said.notes, ...doubts.notes],
    [...said.warnings, ...doubts.warnings],
  ];
  const undivided = { undivided: true, layout: "a folder for each class, without a split" };
  if (testShare === null) {
    const all = inTurn(classes);
    const note = `the folders of ${folder} are its classes, so all its ${all.count} images are tested; those on which a model was trained say nothing of how good it is`;
    return { folder, classes: names, train: null, validation: null, test: all, leftOut: said.leftOut, ...undivided, notes: [...notes, note], warnings };
  }
  expectTwo(folder, classes);
  expectImages(folder, classes, said.leftOut);
  const parts = divideFiles(folder, classes, testShare, splitSeed);
  const [train, test] = [inTurn(parts.train), inTurn(parts.test)];
  const note = `each folder in ${folder} is a class; ${Number((100 * testShare).toPrecision(3))} % of each class were set aside for testing, chosen at random (seed ${splitSeed}): ${test.count} of ${test.count + train.count} images`;
  return {
    folder,
    classes: names,
    train: part === "test" ? null : train,
    validation: null,
    test,
    leftOut: said.leftOut,
    ...undivided,
    notes: [...notes, note],
    warnings,
  };
}

/** Settings of a division that is not made. */
function unusedDivision(folder: string, test: string, { testShare, splitSeed }: ListOptions): string[] {
  const isSet = { "data.testShare": testShare !== null && testShare !== TEST_SHARE, "data.splitSeed": splitSeed !== 0 };
  const names = Object.entries(isSet).flatMap(([name, is]) => (is ? [name] : []));
  if (names.length === 0) return [];
  return [`${names.join(" and ")} ${names.length > 1 ? "have" : "has"} no effect: ${folder} has a folder ${test}, whose images are the test images`];
}

function missingTest(folder: string, { train, leftOut }: Layout): InputError {
  const alike = leftOut.find(({ path }) => isPartName(path));
  const tip = alike ? `if ${alike.path} is it, name it test` : `to divide the images of ${train} instead, set data.path to ${below(folder, train!)}`;
  return new InputError(`${below(folder, "test")} is missing: expected ${EXPECTED}; ${tip}`);
}

async function listClasses(root: string, folder: string, leftOut: LeftOut[], signal?: AbortSignal): Promise<ClassFiles[]> {
  const classes: ClassFiles[] = [];
  const refused: string[] = [];
  for (const each of classesIn(root, folder, leftOut)) {
    try {
      const { files, leftOut: more } = await filesBelow(root, each.folder, signal);
      for (const file of more) leftOut.push(file);
      classes.push({ ...each, files });
    } catch (error) {
      if (!["EACCES", "EPERM"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
      refused.push(`${shownPath(below(root, each.folder))} is a class that may not be read: change its permissions`);
    }
  }
  if (refused.length > 0) throw new InputError(refused);
  return classes;
}

const namesOf = (classes: readonly ClassFolder[]): string[] => classes.map(({ name }) => name);

/** Takes one of each class in turn. Label n is the n-th class. */
function inTurn(classes: readonly ClassFiles[]): ListedSplit {
  const count = classes.reduce((sum, { files }) => sum + files.length, 0);
  const [labels, places] = [new Int32Array(count), new Uint32Array(count)];
  let n = 0;
  for (let place = 0; n < count; place++)
    for (const [label, { files }] of classes.entries()) {
      if (place >= files.length) continue;
      labels[n] = label;
      places[n++] = place;
    }
  const path = (index: number) => {
    const { folder, files } = classes[labels[index]!]!;
    return below(folder, files[places[index]!]!);
  };
  return { count, labels, path };
}

// ---- What training needs ----------------------------------------------------------------------------------------------------------

interface Split {
  name: string;
  classes: ClassFiles[];
}

function trainFolder(folder: string, { train, test }: Layout): string {
  if (train === null) throw new InputError(`${below(folder, "train")} is missing, so ${test} can be evaluated but nothing trained: expected ${EXPECTED}`);
  return train;
}

/** Throws an InputError that names what is wrong with the class folders of all these parts. */
function expectClassFolders(folder: string, parts: readonly (string | null)[]): void {
  const problems = parts.flatMap((part) => (part === null ? [] : problemsIn(folder, entriesIn(below(folder, part)), part)));
  if (problems.length > 0) throw new InputError(problems.sort());
}

function expectTwo(folder: string, classes: readonly ClassFolder[]): void {
  if (classes.length < 2) throw new InputError(`${folder}: expected a folder for each of at least two classes, got ${listed(namesOf(classes))}`);
}

function expectClasses(folder: string, train: readonly ClassFolder[], { name, classes }: Split): void {
  const [trained, tested] = [namesOf(train), namesOf(classes)];
  const untested = trained.filter((each) => !tested.includes(each));
  if (untested.length > 0) throw new InputError(`${below(folder, name)}: expected the same classes as in train, but there is no folder ${listed(untested)}`);
  expectKnown(folder, trained, { name, classes });
}

function expectKnown(folder: string, trained: readonly string[], { name, classes }: Split): void {
  const unknown = namesOf(classes).filter((each) => !trained.includes(each));
  if (unknown.length > 0) throw new InputError(`${below(folder, "train")}: expected the same classes as in ${name}, but there is no folder ${listed(unknown)}`);
}

/** In the order of the training classes; those that a split lacks have no files. */
function aligned(folder: string, train: readonly ClassFiles[], split: Split): ClassFiles[] {
  expectKnown(folder, namesOf(train), split);
  return train.map((each) => split.classes.find(({ name }) => name === each.name) ?? { ...each, files: [] });
}

function expectImages(folder: string, classes: readonly ClassFiles[], leftOut: readonly LeftOut[]): void {
  const empty = classes.filter(({ files }) => files.length === 0);
  if (empty.length === 0) return;
  const problemOf = (each: ClassFiles) => {
    const those = leftOut.filter(({ path }) => path.startsWith(below(each.folder, "")));
    const what = those.length > 0 ? `; it has ${groupsInWords(those)}` : "";
    return `${shownPath(below(folder, each.folder))} has no images: expected ${readInWords} files in it, or in folders in it${what}; every folder beside the classes is taken for one: move it away if it is none`;
  };
  throw new InputError(empty.map(problemOf));
}

const listed = (names: readonly string[]) => (names.length === 0 ? "none" : names.map((name) => `"${name}"`).join(", "));
