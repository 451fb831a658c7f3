/** What the reader of image folders leaves out, and how it says so. */
import type { LeftOutFile } from "../../contract/data-info";
import type { Said } from "../said";
import { shownPath } from "./names";

/** Reasons, for one file and for several. Those that are harmless need no warning: nobody expects such a file to be read. What may be a folder may be many files. */
const reasons = {
  "no-image": { one: "file that holds no image", many: "files that hold no image", harmless: true, mayBeFolder: false },
  empty: { one: "empty folder", many: "empty folders", harmless: true, mayBeFolder: true },
  loose: { one: "picture that lies in no class folder", many: "pictures that lie in no class folder", harmless: false, mayBeFolder: false },
  "no-split": {
    one: "folder that is none of train, test and validation",
    many: "folders that are none of train, test and validation",
    harmless: false,
    mayBeFolder: true,
  },
  unread: { one: "picture in a format that is not read", many: "pictures in formats that are not read", harmless: false, mayBeFolder: false },
  unreadable: { one: "image that cannot be read", many: "images that cannot be read", harmless: false, mayBeFolder: false },
  tiny: { one: "image that is too small", many: "images that are too small", harmless: true, mayBeFolder: false },
  copy: { one: "copy of another training image", many: "copies of other training images", harmless: true, mayBeFolder: false },
  leak: {
    one: "training image that is a test or validation image too",
    many: "training images that are test or validation images too",
    harmless: true,
    mayBeFolder: false,
  },
  contradiction: {
    one: "training image that lies in another class too",
    many: "training images that lie in another class too",
    harmless: true,
    mayBeFolder: false,
  },
  "dead-link": { one: "link that leads nowhere", many: "links that lead nowhere", harmless: false, mayBeFolder: false },
  "link-loop": { one: "link that leads in a circle", many: "links that lead in a circle", harmless: false, mayBeFolder: false },
  again: { one: "link to a folder that is read already", many: "links to folders that are read already", harmless: false, mayBeFolder: true },
  refused: { one: "file or folder that may not be read", many: "files or folders that may not be read", harmless: false, mayBeFolder: true },
  special: { one: "pipe, socket or device", many: "pipes, sockets or devices", harmless: false, mayBeFolder: false },
} as const;

export type Reason = keyof typeof reasons;

/** A file that is not used, or a folder of which nothing is. */
export interface LeftOut {
  /** Relative to the data's folder; `names.ts` says how bytes stand that are no UTF-8. */
  path: string;
  reason: Reason;
  /** More about it, in words. */
  detail?: string;
}

/** For people: "link that leads nowhere", with the detail. */
export function leftOutFile({ path, reason, detail }: LeftOut): LeftOutFile {
  const { one } = reasons[reason];
  return { path: shownPath(path), reason: detail === undefined ? one : `${one}: ${detail}` };
}

/**
 * One sentence, or none: how many files are taken, and what is left out, by reason and with an example of each. A warning, if somebody may expect one of the
 * files to be read.
 */
export function leftOutInWords(taken: number, leftOut: readonly LeftOut[]): Said[] {
  if (leftOut.length === 0) return [];
  const all = leftOut.some(({ reason }) => reasons[reason].mayBeFolder) ? "" : ` of ${taken + leftOut.length}`;
  const text = `${taken}${all} files are taken; left out: ${groupsInWords(leftOut)}`;
  return [{ type: leftOut.every(({ reason }) => reasons[reason].harmless) ? "note" : "warning", text }];
}

/** By reason, how many there are, with an example of each. */
export function groupsInWords(leftOut: readonly LeftOut[]): string {
  const those = (Object.keys(reasons) as Reason[]).map((reason) => leftOut.filter((each) => each.reason === reason)).filter(([first]) => first);
  return those.map(groupInWords).join("; ");
}

function groupInWords(those: readonly LeftOut[]): string {
  const { reason, path, detail } = those[0]!;
  const { one, many } = reasons[reason];
  const example = detail === undefined ? shownPath(path) : `${shownPath(path)}: ${detail}`;
  return those.length === 1 ? `1 ${one} (${example})` : `${those.length} ${many} (${example}, and others)`;
}
