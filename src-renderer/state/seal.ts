import { type ArmName, armLabel, type ComparedArm } from "../../src-main/contract/arms";
import { type ArmEvidence, compareEvidence, type EvidenceComparison, isControlled, samePlanByOldHashes } from "../../src-main/contract/evidence";
import type { RunCourse, RunEvidence } from "../../src-main/contract/run";
import type { Curves } from "./curves.svelte";
import { differencesInWords } from "./form";
import { count, sentence } from "./words";

/** What a run's folders say of themselves from its start on. The links of its batches are in its curves. */
export interface RunFacts {
  teacherTestAcc: number | null;
  arms: { [Arm in ArmName]?: Pick<RunCourse, "recipe" | "arithmetic" | "hashes"> & { evidence: Evidence } };
}

/** unread: the folder's evidence is still being checked. damage: what is wrong with it, in words; null if nothing is. */
type Evidence = "unread" | Pick<RunEvidence, "damage">;

/** What a run folder holds; its evidence once it has been read. */
export type ReadRun = RunCourse & { evidence?: RunEvidence };

export function factsOf(runs: readonly ReadRun[]): RunFacts {
  return {
    teacherTestAcc: runs.find(({ teacherTestAcc }) => teacherTestAcc !== null)?.teacherTestAcc ?? null,
    arms: Object.fromEntries(runs.map(({ arm, recipe, arithmetic, hashes, evidence = "unread" }) => [arm, { recipe, arithmetic, hashes, evidence }])),
  };
}

/** These facts, and what one more run folder says. */
export function withFactsOf(known: RunFacts | null, run: ReadRun): RunFacts {
  const { teacherTestAcc, arms } = factsOf([run]);
  return { teacherTestAcc: teacherTestAcc ?? known?.teacherTestAcc ?? null, arms: { ...known?.arms, ...arms } };
}

/** These facts, and that the evidence of an arm has been read. */
export function withEvidence(known: RunFacts, evidence: RunEvidence): RunFacts {
  const facts = known.arms[evidence.arm];
  return facts ? { ...known, arms: { ...known.arms, [evidence.arm]: { ...facts, evidence } } } : known;
}

/** How far a comparison is proven, as a chip and, where it needs more words, a line below it. */
export interface Seal {
  kind: "plain" | "good" | "caution" | "bad";
  words: string;
  detail: string | null;
  /** How it is known, shown on demand. */
  title: string;
}

/**
 * Null while there is nothing to compare: a run of one model, or before both arms have started. Where a third arm shares the control's images, the seal of
 * student and control says how far that one is proven.
 */
export function sealOf(curves: Curves, facts: RunFacts | null, finished: boolean): Seal | null {
  const of = (arm: ComparedArm) => evidenceIn(curves, facts, arm);
  const [control, sameImages, student] = [of("control"), of("same-images"), of("student")];
  if (!control || !student) return null;
  if (control === "unread" || sameImages === "unread" || student === "unread") return READING;
  const seal = sealOfPair(control, student, finished);
  if (!sameImages) return seal;
  const other = sealOfPair(control, sameImages, finished);
  const label = armLabel("same-images");
  if (other.kind === "bad" && seal.kind !== "bad") return { ...other, detail: `${label}: ${other.detail}` };
  return { ...seal, detail: [seal.detail, `${label}: ${other.words.toLowerCase()}`].filter(Boolean).join(". ") };
}

const READING: Seal = { kind: "plain", words: "Checking the evidence", detail: null, title: "The hashes of all batches in the run folders are computed anew." };

function sealOfPair(control: ArmEvidence, student: ArmEvidence, finished: boolean): Seal {
  const comparison = compareEvidence(control, student);
  const { differingSettings } = comparison;
  const tuning = differingSettings.length > 0 ? sentence(differencesInWords(differingSettings, control.recipe, student.recipe)) : null;
  const difference = differenceIn(comparison, samePlanByOldHashes(control, student, finished));
  if (difference) {
    const detail = tuning ? `${difference} ${tuning}` : difference;
    return { kind: "bad", words: "Start or batches differ", detail, title: "Hashes in the two run folders differ." };
  }
  if (comparison.damage)
    return { kind: "bad", words: "Evidence is damaged", detail: `${sentence(comparison.damage)}.`, title: "What the arms were shown is not proven." };
  if (comparison.notComparable)
    return { kind: "bad", words: "Not comparable", detail: `${sentence(comparison.notComparable)}.`, title: "The two arms are different experiments." };
  if (comparison.differentImages)
    return {
      kind: "caution",
      words: "Different images by design",
      detail: tuning,
      title: "The student also learns from images without labels, which the control cannot use. Start, labelled images and number of steps are the same.",
    };
  const shown = undisputedSeal(comparison, { control: control.chain.length, student: student.chain.length }, finished);
  if (!tuning) return shown;
  const title = `Settings besides the teacher differ, so the difference is not the teacher's alone. Apart from them: ${shown.words.toLowerCase()}.`;
  return { kind: "caution", words: "Tuned separately", detail: [tuning, shown.detail].filter(Boolean).join(". "), title };
}

function evidenceIn(curves: Curves, facts: RunFacts | null, arm: ComparedArm): ArmEvidence | "unread" | null {
  const known = facts?.arms[arm];
  const curve = curves.arm(arm);
  if (!known || !curve) return null;
  return known.evidence === "unread" ? "unread" : { arm, ...known, damage: known.evidence.damage, chain: curve.chain, linked: curve.linked };
}

/** What really differs, in words; null if nothing does. */
function differenceIn({ sameData, sameStart, differsAt }: EvidenceComparison, samePlan: boolean | null): string | null {
  if (!sameData) return "The arms were trained on different data.";
  if (!sameStart) return "The arms started from different weights.";
  if (samePlan === false) return "Hashes of the old kind differ: different images, order or augmentation.";
  return differsAt === null ? null : `Batch ${count(differsAt)} is the first that differs.`;
}

function undisputedSeal(comparison: EvidenceComparison, batches: { control: number; student: number }, finished: boolean): Seal {
  const { complete, provenTo } = comparison;
  if (complete && provenTo === 0)
    return {
      kind: "plain",
      words: "Same start",
      detail: null,
      title: "Both arms start from the same weights. Their batches are compared once both have some.",
    };
  if (!complete)
    return {
      kind: "caution",
      words: "Evidence of the old kind",
      detail: "Recorded by an earlier version: it shows the same start, not the same pixels.",
      title: "Newer runs hash the pixels and targets of every batch.",
    };
  const title = "The hashes of the initial weights and of the pixels and targets of these batches are equal in both run folders.";
  const words =
    finished && isControlled({ ...comparison, differingSettings: [] }, batches)
      ? "Same start, same batches"
      : `Identical batches, verified up to batch ${count(provenTo)}`;
  return { kind: "good", words, detail: null, title };
}
