/** What pictures that are there more than once do to a run's figures, and which of them are left out of training. */
import type { Concern } from "../contract/concerns";
import { InputError } from "../contract/failure";
import type { DataSource } from "../contract/recipe";
import { type FoundConcern, settledBy, toSettle } from "./concerns";
import type { Fingerprint } from "./fingerprints";
import type { LeftOut } from "./folder/left-out";
import type { Said } from "./said";
import type { Place, Role, SamePictures } from "./same-pictures";

type Group = SamePictures["groups"][number];

/** Which of them a recipe leaves out of training. */
export type SkipSettings = Partial<Pick<DataSource, "skipCopies" | "skipLeaks" | "skipContradictions">>;

/** A training image that is left out, and why: it shows the same as another place. */
interface Skipped {
  place: Place;
  reason: "copy" | "leak" | "contradiction";
  other: Place;
}

export interface SettledPictures {
  /** Training images that are left out, by number, ascending. */
  skipped: readonly number[];
  leftOut: LeftOut[];
  /** Whether training images that are left show the same. */
  repeated: boolean;
  concerns: FoundConcern[];
}

/** So many pictures of a concern are shown. */
const SHOWN = 6;

const names: Readonly<Record<Role, { one: string; many: string }>> = {
  training: { one: "a training image", many: "training images" },
  validation: { one: "a validation image", many: "validation images" },
  test: { one: "a test image", many: "test images" },
  unlabelled: { one: "an image without a label", many: "images without labels" },
};

/** What follows if images of a later part are those of an earlier one. */
const consequences: Partial<Record<`${Role} ${Role}`, string>> = {
  "validation training": "the epoch that is best on them has learned them by heart; remove them from either",
  "test training": "what is measured on them is too good; remove them from either",
  "test validation": "the epoch is chosen on what tests it; remove them from either",
  "unlabelled training": "the student sees them twice as often; remove them from either",
  "unlabelled validation": "the student learns from what chooses its epoch; name a folder without them",
  "unlabelled test": "the student learns from what it is tested on; name a folder without them",
};

/** What is left out as the settings say, and what is to be known of it and of the rest. */
export function settlePictures(same: SamePictures, settings: SkipSettings): SettledPictures {
  const skipped = same.groups.flatMap((group) => skippedIn(group, settings));
  const gone = new Set(skipped.map(({ place }) => place));
  const left = same.groups.map((group) => group.filter((place) => !gone.has(place))).filter((group): group is [Place, Place, ...Place[]] => group.length > 1);
  return {
    skipped: skipped.map(({ place }) => place.n).sort((a, b) => a - b),
    leftOut: skipped.map(({ place, reason, other }): LeftOut => ({ path: same.nameOf(place), reason, detail: `it shows what ${same.nameOf(other)} shows` })),
    repeated: left.some((group) => group.filter(({ role }) => role === "training").length > 1),
    concerns: [...sharedBetween(left, same), ...contradictions(left, same), ...copies(left, same), ...settled(skipped, same)],
  };
}

/** Whatever is left out of training, no class is. Throws an InputError that names those of which nothing would be left. */
export function expectLeft(classes: readonly string[], before: Int32Array, after: Iterable<number>): void {
  const [were, are] = [new Set(before), new Set(after)];
  const lost = classes.filter((_, label) => were.has(label) && !are.has(label));
  if (lost.length > 0)
    throw new InputError(
      `none of the training images of ${lost.map((name) => `"${name}"`).join(", ")} is left without those that data.skipCopies, data.skipLeaks and data.skipContradictions leave out: set these to false, or remove the class`,
    );
}

function skippedIn(group: Group, { skipContradictions, skipLeaks, skipCopies }: SkipSettings): Skipped[] {
  const training = group.filter(({ role }) => role === "training");
  const other = (place: Place, wanted: (each: Place) => boolean) => group.find((each) => each !== place && wanted(each))!;
  if (skipContradictions && isContrary(group))
    return training.map((place) => ({ place, reason: "contradiction", other: other(place, ({ label }) => label >= 0 && label !== place.label) }));
  if (skipLeaks && group.some(isJudge)) return training.map((place) => ({ place, reason: "leak", other: other(place, isJudge) }));
  return skipCopies ? copiesIn(group).map(([place, first]) => ({ place, reason: "copy", other: first })) : [];
}

const isJudge = ({ role }: Place): boolean => role === "test" || role === "validation";

const isContrary = (group: Group): boolean => new Set(group.flatMap(({ label }) => (label >= 0 ? [label] : []))).size > 1;

/** Training images beside the first of their class. */
function copiesIn(group: Group): [copy: Place, first: Place][] {
  const training = group.filter(({ role }) => role === "training");
  return training.flatMap((place, i): [Place, Place][] => {
    const first = training.slice(0, i).find(({ label }) => label === place.label);
    return first ? [[place, first]] : [];
  });
}

/** Two places that show the same. */
type Pair = [one: Place, other: Place];

function sharedBetween(groups: readonly Group[], same: SamePictures): FoundConcern[] {
  const pairs = new Map<string, Pair[]>();
  for (const [first, ...others] of groups)
    for (const place of others) {
      if (place.role === first.role) continue;
      const key = `${place.role} ${first.role}`;
      const those = pairs.get(key) ?? [];
      those.push([place, first]);
      pairs.set(key, those);
    }
  const roles = Object.keys(names) as Role[];
  return roles.flatMap((role) =>
    roles.flatMap((other) => {
      const those = pairs.get(`${role} ${other}`);
      return those ? [sharedConcern(role, other, those, same)] : [];
    }),
  );
}

function sharedConcern(role: Role, other: Role, those: readonly Pair[], same: SamePictures): FoundConcern {
  const are = those.length === 1 ? `is ${names[other].one}` : `are ${names[other].many}`;
  const text = `${those.length} of the ${same.counts[role]} ${names[role].many} ${are} too (${inWords(those, same)}): ${consequences[`${role} ${other}`]}`;
  const isSkippable = other === "training" && role !== "unlabelled";
  return { ...concernOf("leak", text, those, same), remedy: isSkippable ? toSettle("Leave them out of training", "data.skipLeaks") : null };
}

function contradictions(groups: readonly Group[], same: SamePictures): FoundConcern[] {
  const contrary = groups.flatMap(([first, ...others]) =>
    others.filter(({ label }) => label !== first.label && label >= 0 && first.label >= 0).map((place): Pair => [place, first]),
  );
  if (contrary.length === 0) return [];
  const text = `${contrary.length} ${contrary.length === 1 ? "picture lies" : "pictures lie"} in two classes (${inWords(contrary, same)}), whose labels contradict each other: keep each in one class`;
  const isSkippable = contrary.flat().some(({ role }) => role === "training");
  return [
    { ...concernOf("contradiction", text, contrary, same), remedy: isSkippable ? toSettle("Leave them out of training", "data.skipContradictions") : null },
  ];
}

function copies(groups: readonly Group[], same: SamePictures): FoundConcern[] {
  const those = groups.flatMap(copiesIn);
  if (those.length === 0) return [];
  const are = those.length === 1 ? "is a copy of another" : "are copies of others";
  const seen = `so the model sees ${those.length === 1 ? "its picture" : "their pictures"} more often than the rest`;
  const judged = same.counts.validation ? "" : ", and knows the copies of what it learns among images that are held back to choose by";
  const text = `${those.length} of the ${same.counts.training} training images ${are} (${inWords(those, same)}), ${seen}${judged}`;
  return [{ ...concernOf("copies", text, those, same), type: "note", remedy: toSettle("Leave out the copies", "data.skipCopies") }];
}

/** That training images were held back, to choose by, whose copies are learned. */
export function copiesHeldBack(held: readonly Fingerprint[], learned: readonly Fingerprint[]): Said[] {
  const known = new Set(learned);
  const count = held.filter((print) => print !== null && known.has(print)).length;
  if (count === 0) return [];
  const have = count === 1 ? "has a copy" : "have copies";
  const text = `${count} of the ${held.length} images that are held back to choose by ${have} among the training images: what is chosen on them is chosen on pictures that were learned (to leave out the copies: data.skipCopies=true)`;
  return [{ type: "warning", text }];
}

const settling: Readonly<Record<Skipped["reason"], { kind: Concern["kind"]; key: string; one: string; many: string }>> = {
  copy: { kind: "copies", key: "data.skipCopies", one: "a copy of another", many: "copies of others" },
  leak: { kind: "leak", key: "data.skipLeaks", one: "a test or validation image too", many: "test or validation images too" },
  contradiction: { kind: "contradiction", key: "data.skipContradictions", one: "in another class too", many: "in other classes too" },
};

function settled(skipped: readonly Skipped[], same: SamePictures): FoundConcern[] {
  return (["leak", "contradiction", "copy"] as const).flatMap((reason) => {
    const those = skipped.filter((each) => each.reason === reason).map(({ place, other }): Pair => [place, other]);
    if (those.length === 0) return [];
    const { kind, key, one, many } = settling[reason];
    const [images, are] = those.length === 1 ? ["1 training image is", `it is ${one}`] : [`${those.length} training images are`, `they are ${many}`];
    return [settledBy(concernOf(kind, `${images} left out, as ${are} (${inWords(those, same)})`, those, same), key, false)];
  });
}

function concernOf(kind: Concern["kind"], text: string, pairs: readonly Pair[], { nameOf }: SamePictures): FoundConcern {
  const examples = pairs.slice(0, SHOWN).map((pair) => ({ names: pair.map(nameOf), place: pair[0] }));
  return { kind, type: "warning", text, count: pairs.length, examples, remedy: null, settled: false };
}

/** The first, and whether there are others. */
function inWords([first, ...others]: readonly Pair[], { nameOf }: SamePictures): string {
  const [one, other] = first!.map(nameOf);
  return `${one} is ${other}${others.length > 0 ? ", and others" : ""}`;
}
