/** What is wrong with single files of a folder, by their headers. */
import type { LeftOutFile } from "../contract/data-info";
import { type FoundConcern, settledBy, toSettle } from "./concerns";
import type { LeftOut } from "./folder/left-out";
import type { Place } from "./same-pictures";

/** An image whose header was read. `reason`: why it cannot be read as an image; null if nothing says so. */
export interface LookedAt {
  place: Place;
  size: { width: number; height: number } | null;
  reason: string | null;
}

/** So many images are shown, or named. */
const SHOWN = 6;

/** Images that cannot be read, by their headers. */
export function unreadableConcerns(broken: readonly LeftOutFile[], { looked, all }: { looked: number; all: number }, skipped: boolean): FoundConcern[] {
  if (broken.length === 0) return [];
  const more = looked < all ? `; ${looked} of ${all} images were looked at` : "";
  const examples = broken.slice(0, SHOWN).map(({ path, reason }) => ({ names: [`${path}: ${reason}`], place: null }));
  const concern: FoundConcern = {
    kind: "unreadable",
    type: "warning",
    text: `${broken.length === 1 ? "1 image cannot be read: training will not start until it is" : `${broken.length} images cannot be read: training will not start until they are`} skipped or replaced${more}; only headers are read here, so there may be more of them`,
    count: broken.length,
    examples,
    remedy: toSettle(broken.length === 1 ? "Skip it" : "Skip them", "data.skipUnreadable"),
    settled: false,
  };
  const are = broken.length === 1 ? "1 image cannot be read, and is" : `${broken.length} images cannot be read, and are`;
  return [skipped ? settledBy({ ...concern, text: `${are} skipped${more}` }, "data.skipUnreadable", false) : concern];
}

/** An image is tiny if its shorter side has fewer pixels than this, and than this share of the middle image's. */
const TINY = 64;
const TINY_SHARE = 1 / 3;

/** Images that are far smaller than the others, such as thumbnails among photographs. */
export function tinyConcerns(
  looked: readonly LookedAt[],
  all: number,
  nameOf: (place: Place) => string,
  smallestSide: number | null,
  leftOut: readonly LeftOut[],
): FoundConcern[] {
  const gone = leftOut.filter(({ reason }) => reason === "tiny");
  if (smallestSide !== null && gone.length > 0) {
    const text = `${gone.length} ${gone.length === 1 ? "image is" : "images are"} left out, with fewer than ${smallestSide} pixels on the shorter side`;
    const examples = gone.slice(0, SHOWN).map(({ path }) => ({ names: [path], place: null }));
    return [settledBy({ kind: "tiny-images", type: "note", text, count: gone.length, examples, remedy: null, settled: true }, "data.smallestSide", null)];
  }
  const sides = looked.flatMap(({ place, size }) => (size ? [{ place, side: Math.min(size.width, size.height) }] : []));
  const middle = sides.map(({ side }) => side).sort((a, b) => a - b)[Math.floor(sides.length / 2)] ?? 0;
  const limit = Math.min(TINY, Math.ceil(TINY_SHARE * middle));
  const tiny = sides.filter(({ side }) => side < limit);
  if (tiny.length === 0) return [];
  const [smallest] = [...tiny].sort((a, b) => a.side - b.side);
  const of = `${tiny.length} of the ${looked.length} images${looked.length < all ? " that were looked at" : ""}`;
  const text = `${of} ${tiny.length === 1 ? "is" : "are"} far smaller than the others (${nameOf(smallest!.place)} has ${smallest!.side} pixels on its shorter side, the middle image ${middle}): enlarged, they show little`;
  const examples = tiny.slice(0, SHOWN).map(({ place }) => ({ names: [nameOf(place)], place }));
  const remedy = toSettle("Leave them out", "data.smallestSide", limit);
  return [{ kind: "tiny-images", type: "warning", text, count: tiny.length, examples, remedy, settled: false }];
}
