/** What a weights file says of the images that its network has learned from. */
import { parseJson } from "../contract/json";
import { z } from "../contract/zod";

/** Of each 48 bits, in 8 characters of base64. */
const BYTES = 6;
/** Of more images none are written: the header of a file has an end. */
export const MOST_FINGERPRINTS = 1_000_000;

/** Which images, without their order or how often. */
export class Fingerprints {
  readonly #all: ReadonlySet<number>;

  /** null: nobody can tell the image from others. */
  constructor(fingerprints: Iterable<number | null>) {
    this.#all = new Set([...fingerprints].filter((each) => each !== null));
  }

  /** Throws an Error if it is no such text. */
  static parse(text: string): Fingerprints {
    const bytes = Buffer.from(text, "base64");
    if (bytes.length % BYTES !== 0 || bytes.toString("base64") !== text) throw new Error(`expected ${BYTES} bytes for each image, in base64`);
    return new Fingerprints(Array.from({ length: bytes.length / BYTES }, (_, i) => bytes.readUIntBE(BYTES * i, BYTES)));
  }

  get count(): number {
    return this.#all.size;
  }

  has(fingerprint: number | null): boolean {
    return fingerprint !== null && this.#all.has(fingerprint);
  }

  [Symbol.iterator](): Iterator<number> {
    return this.#all.values();
  }

  /** Ascending, so that equal sets give equal texts. */
  toString(): string {
    const sorted = Float64Array.from(this.#all).sort();
    const bytes = Buffer.alloc(BYTES * sorted.length);
    for (const [i, each] of sorted.entries()) bytes.writeUIntBE(each, BYTES * i, BYTES);
    return bytes.toString("base64");
  }
}

export interface Origin {
  /** The images that the weights were fitted to. */
  fitted: Fingerprints;
  /** Those that it was shown without their labels, for which a teacher spoke. */
  unlabelled: Fingerprints;
  /** Those that chose what else was to be chosen: weight decay, temperature, best epoch. */
  chosen: Fingerprints;
  /** How the test images were drawn from the same folder; null where it had a split. */
  drawn: { testShare: number; splitSeed: number } | null;
}

const drawnSchema = z.strictObject({ testShare: z.number().gt(0).lt(1), splitSeed: z.int().min(0) });

export const countOf = ({ fitted, unlabelled, chosen }: Origin): number => fitted.count + unlabelled.count + chosen.count;

/** For a file's metadata; nothing of more images than it has room for. */
export function originMetadata(origin: Origin): Record<string, string> {
  if (countOf(origin) > MOST_FINGERPRINTS) return {};
  const { fitted, unlabelled, chosen, drawn } = origin;
  return {
    fittedTo: String(fitted),
    ...(unlabelled.count > 0 && { shownUnlabelled: String(unlabelled) }),
    ...(chosen.count > 0 && { chosenBy: String(chosen) }),
    ...(drawn && { drawn: JSON.stringify(drawn) }),
  };
}

/** null if the metadata say nothing. Throws an Error that says what is wrong with them. */
export function originIn({ fittedTo, shownUnlabelled = "", chosenBy = "", drawn }: Readonly<Record<string, string>>): Origin | null {
  if (fittedTo === undefined) return null;
  return {
    fitted: Fingerprints.parse(fittedTo),
    unlabelled: Fingerprints.parse(shownUnlabelled),
    chosen: Fingerprints.parse(chosenBy),
    drawn: drawn === undefined ? null : drawnSchema.parse(parseJson(drawn)),
  };
}
