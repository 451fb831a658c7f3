import { createHash } from "node:crypto";
import { InputError } from "../../contract/failure";
import type { ClassFiles } from "./classes";
import { below, shownPath } from "./names";

/**
 * Takes a share of each class as test images, at least one and not all. Which ones depends on their names and the seed alone, so that most of them stay when others
 * are added. The order stays. Throws an InputError that names the classes with a single image.
 */
export function divideFiles(folder: string, classes: readonly ClassFiles[], share: number, seed: number): { train: ClassFiles[]; test: ClassFiles[] } {
  const single = classes.filter(({ files }) => files.length < 2);
  if (single.length > 0)
    throw new InputError(
      single.map((each) => `${shownPath(below(folder, each.folder))} has one image: expected at least two, one to train on and one to test on`),
    );
  const chosen = classes.map((each) => chosenOf(each, share, seed));
  const part = (isTest: boolean) => classes.map((each, label) => ({ ...each, files: each.files.filter((file) => chosen[label]!.has(file) === isTest) }));
  return { train: part(false), test: part(true) };
}

function chosenOf({ name, files }: ClassFiles, share: number, seed: number): Set<string> {
  const count = Math.min(files.length - 1, Math.max(1, Math.round(share * files.length)));
  const drawn = files.map((file) => ({ file, lot: lotOf(`${seed}/${name}/${file.normalize("NFC")}`) }));
  drawn.sort((a, b) => (a.lot < b.lot ? -1 : 1));
  return new Set(drawn.slice(0, count).map(({ file }) => file));
}

const lotOf = (text: string): string => createHash("sha256").update(text).digest("hex");
