/** What makes the figures of a run worth less than they seem, as far as its data tell, and which setting helps. */
import type { SettingValue } from "./setting";

/**
 * uneven-classes: one class has many times the images of another. few-test-images: too few to show a difference. copies: pictures that are in the training images
 * more than once. leak: pictures of one part in another that should not know them. contradiction: pictures that lie in two classes. unreadable: images that cannot be
 * read. tiny-images: images that are far smaller than the others.
 */
export type ConcernKind = "uneven-classes" | "few-test-images" | "copies" | "leak" | "contradiction" | "unreadable" | "tiny-images";

export interface Concern {
  kind: ConcernKind;
  /** note: it changes little, or it is settled. */
  type: "warning" | "note";
  /** A sentence: what is so, or, where a setting has settled it, what was done. */
  text: string;
  /** Images that it is about; of uneven classes, classes. */
  count: number;
  examples: ConcernExample[];
  /** What helps, or, where it is settled, what undoes that; null where no setting does. */
  remedy: Remedy | null;
  settled: boolean;
}

/** Values by the keys of a recipe, such as data.skipCopies. */
export interface Remedy {
  /** What a button says: "Leave out the copies". */
  words: string;
  settings: { readonly [key: string]: SettingValue };
}

export interface ConcernExample {
  /** Of an image, and of others that show the same; below the data's folder where they are files. */
  names: string[];
  /** The picture; null where nobody asked for it, or where it cannot be read. */
  png: Uint8Array | null;
}
