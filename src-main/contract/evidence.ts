/** Compares the evidence of two arms, a control and one that has a teacher: what makes a comparison controlled. Pure functions for the engine, reports and the app. */

import { type ArmName, armInWords } from "./arms";
import type { Recipe } from "./recipe";
import { differingSettings, usesUnlabelled, valueAt } from "./recipe-values";
import type { RunDetails, RunHashes, Verdict } from "./run";
import { textOfValue } from "./setting";
import { sharedKeys } from "./settings";

/** An arm as its evidence shows it. */
export interface ArmEvidence {
  arm: ArmName;
  recipe: Recipe;
  hashes: RunHashes;
  /** One link per batch, from the first; null if a run of an earlier version has none. */
  chain: readonly (string | null)[];
  /** How many of the batches have a link. Counted by whoever makes the chain: pages compare chains of a million links many times a second. */
  linked: number;
  /** As in `RunDetails.evidenceDamage`. */
  damage: string | null;
}

export function evidenceOf({ arm, recipe, hashes, batches, evidenceDamage }: RunDetails): ArmEvidence {
  const chain = batches.map(({ chain }) => chain);
  return { arm, recipe, hashes, chain, linked: chain.filter((link) => link !== null).length, damage: evidenceDamage };
}

export interface EvidenceComparison {
  /** The arm that is compared with the control. */
  taught: ArmName;
  sameData: boolean;
  sameStart: boolean;
  /** Number of leading batches that both arms have with equal links. */
  provenTo: number;
  /** First batch, from 1, at which the links differ; null if the links are equal in all batches that both have. */
  differsAt: number | null;
  /** Whether both arms have evidence for every batch. Runs of earlier versions have a hash of the recipe instead. */
  complete: boolean;
  /** What is wrong with the evidence of an arm, in words that name the arm; null if nothing is. */
  damage: string | null;
  /** Whether the student also learns from images without labels: then the batches of the arms differ by design, and are not compared. */
  differentImages: boolean;
  /** Keys besides teacher and distillation in which the recipes differ. */
  differingSettings: string[];
  /**
   * What makes the arms two experiments, in words: "another seed (3 for the control, 4 for the student)". Null if they differ at most in settings
   * that a control may have to itself.
   */
  notComparable: string | null;
}

/** Compares the arms up to the last batch that both have. `student` is any arm that has a teacher. */
export function compareEvidence(control: ArmEvidence, student: ArmEvidence): EvidenceComparison {
  const differing = differingBesidesTeacher(control.recipe, student.recipe);
  const shared = Math.min(control.chain.length, student.chain.length);
  const complete = [control, student].every(({ chain, linked, damage }) => damage === null && linked === chain.length);
  const differentImages = usesUnlabelled(student.recipe);
  const provenTo = complete && !differentImages ? firstDifference(control.chain, student.chain, shared) : 0;
  return {
    taught: student.arm,
    sameData: control.hashes.data === student.hashes.data,
    sameStart: control.hashes.initialWeights === student.hashes.initialWeights,
    provenTo,
    differsAt: complete && !differentImages && provenTo < shared ? provenTo + 1 : null,
    complete,
    differentImages,
    damage: control.damage ? `control: ${control.damage}` : student.damage ? `${armInWords(student.arm)}: ${student.damage}` : null,
    differingSettings: differing,
    notComparable: notComparableInWords(differing, control, student),
  };
}

const known = new WeakMap<Recipe, WeakMap<Recipe, string[]>>();

/** Remembered for each pair of recipes, which nobody changes: a page asks many times a second. */
function differingBesidesTeacher(control: Recipe, student: Recipe): string[] {
  const others = known.get(control) ?? new WeakMap<Recipe, string[]>();
  known.set(control, others);
  const differing = others.get(student) ?? differingSettings(control, student).filter((key) => !isTheTeacher(key));
  others.set(student, differing);
  return differing;
}

const SHARED_IN_WORDS = {
  seed: "another seed",
  epochs: "another number of epochs",
  batches: "another number of batches",
  batchSize: "another batch size",
  shuffle: "another order of the images",
  precision: "another precision",
  bf16Products: "another way of multiplying bf16 numbers",
};

function notComparableInWords(differing: readonly string[], control: ArmEvidence, student: ArmEvidence): string | null {
  const parts = differing.flatMap((key) => {
    const name = key.replace(/^train\./, "");
    const shared = sharedKeys.find((each) => each === name);
    // Other keys of `train` may be the control's own.
    if (!shared && name !== key) return [];
    // Where one arm has no bf16 numbers, nothing is said of how they are multiplied.
    if (shared === "bf16Products" && differing.includes("train.precision")) return [];
    const [its, the] = [control, student].map(({ recipe }) => textOfValue(valueAt(recipe, key) ?? null));
    return [`${shared ? SHARED_IN_WORDS[shared] : `another ${key}`} (${its} for the control, ${the} for the ${armInWords(student.arm)})`];
  });
  return parts.length > 0 ? parts.join(", ") : null;
}

/**
 * Whether the hashes that earlier versions took of the plans of all batches are equal; null where they do not compare. They are written at
 * checkpoints, so only those of finished runs compare; and this version goes on with links of its own in a run that it resumes.
 */
export function samePlanByOldHashes(control: ArmEvidence, student: ArmEvidence, finished: boolean): boolean | null {
  const comparable = finished && [control, student].every(({ linked, damage }) => damage === null && linked === 0);
  return comparable ? control.hashes.batches === student.hashes.batches : null;
}

/** Nothing is known to differ, however far the run has got. */
function isUndisputed({ sameData, sameStart, differsAt, differentImages, differingSettings }: EvidenceComparison): boolean {
  return sameData && sameStart && differsAt === null && !differentImages && differingSettings.length === 0;
}

/** Only the teacher differs, and evidence shows it up to the last batch that both have. */
export function isControlled(comparison: EvidenceComparison, batches: { control: number; student: number }): boolean {
  const isProven = batches.control > 0 && batches.control === batches.student && comparison.provenTo === batches.control;
  return isUndisputed(comparison) && comparison.complete && isProven;
}

/** What a comparison of so many batches has proven. */
export function verdictOf(comparison: EvidenceComparison, batches: { control: number; student: number }): Verdict {
  const { differentImages, differingSettings, notComparable, provenTo } = comparison;
  const controlled = isControlled(comparison, batches);
  return {
    controlled,
    tunedSeparately: differingSettings.length > 0 && notComparable === null,
    differentImages,
    differingSettings,
    provenTo,
    reason: controlled ? null : reasonInWords(comparison, batches),
  };
}

/** Why a comparison is not controlled. */
function reasonInWords(comparison: EvidenceComparison, batches: { control: number; student: number }): string {
  const { sameData, sameStart, differsAt, differentImages, damage, complete, provenTo, differingSettings, notComparable } = comparison;
  const counts = `the control has ${batches.control} batches and the ${armInWords(comparison.taught)} ${batches.student}`;
  if (notComparable) return `not comparable: ${notComparable}`;
  if (!sameData) return "the arms were trained on different data";
  if (!sameStart) return "the arms started from different weights";
  if (differentImages) return DIFFERENT_IMAGES;
  if (differsAt !== null) return `the arms were shown different pixels or labels in batch ${differsAt}`;
  if (damage) return `the evidence is damaged: ${damage}`;
  if (!complete) return "an earlier version recorded the arms, and its hashes do not show what they saw";
  if (provenTo === 0) return `nothing is proven: ${counts}`;
  if (differingSettings.length > 0) return tunedInWords(differingSettings);
  return `the arms are proven alike up to batch ${provenTo} only: ${counts}`;
}

/** The reason of a comparison that is not controlled because the student learns from more images. */
export const DIFFERENT_IMAGES = "different images by design: the student also learned from images without labels, which the control cannot use";

/** The reason of a comparison that is not controlled only because the control has settings of its own. */
export const tunedInWords = (differingSettings: readonly string[]): string => `tuned separately: the control has its own ${differingSettings.join(", ")}`;

/** The control is the same recipe without distillation; `name` and `control` say nothing about how an arm was trained. */
function isTheTeacher(key: string): boolean {
  return key === "name" || /^(teacher|distillation|control)\./.test(key);
}

/** Number of equal links from the start. A link covers all before it, so if the last links are equal, all are. */
function firstDifference(a: readonly (string | null)[], b: readonly (string | null)[], length: number): number {
  let [low, high] = [0, length];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (a[middle - 1] === b[middle - 1]) low = middle;
    else high = middle - 1;
  }
  return low;
}
