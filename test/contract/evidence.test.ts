import { expect, it } from "vitest";
import { type ArmEvidence, compareEvidence, verdictOf } from "../../src-main/contract/evidence";
import { presetOf } from "../../src-main/contract/presets";
import type { Recipe } from "../../src-main/contract/recipe";

const { recipe } = presetOf("demo");
const [hashes, chain] = [{ data: "d", initialWeights: "w", batches: "c", teacher: null }, ["a", "b", "c"]];

/** The verdict on a student beside this control. */
function verdict({ train, ...control }: Partial<ArmEvidence> & { train?: Partial<Recipe["train"]> }) {
  const student: ArmEvidence = { arm: "student", recipe, hashes, chain, linked: 3, damage: null };
  const own: Recipe = { ...recipe, distillation: null, teacher: null, train: { ...recipe.train, ...train } };
  const arm: ArmEvidence = { ...student, arm: "control", recipe: own, ...control, linked: (control.chain ?? chain).filter((link) => link !== null).length };
  return verdictOf(compareEvidence(arm, student), { control: arm.chain.length, student: chain.length });
}

it("has no reason where the comparison is controlled", () => {
  expect(verdict({})).toEqual({ controlled: true, tunedSeparately: false, differentImages: false, differingSettings: [], provenTo: 3, reason: null });
});

it.each<[Parameters<typeof verdict>[0], string]>([
  [{ train: { seed: 4 } }, "not comparable: another seed (4 for the control, 0 for the student)"],
  [{ train: { precision: "bf16", bf16Products: "fp32" } }, "not comparable: another precision (bf16 for the control, auto for the student)"],
  [{ hashes: { ...hashes, data: "other" } }, "the arms were trained on different data"],
  [{ hashes: { ...hashes, initialWeights: "other" } }, "the arms started from different weights"],
  [{ chain: ["a", "x", "y"] }, "the arms were shown different pixels or labels in batch 2"],
  [{ damage: "line 2 is missing" }, "the evidence is damaged: control: line 2 is missing"],
  [{ train: { learningRate: 0.5 } }, "tuned separately: the control has its own train.learningRate"],
  [{ chain: [null, null, null] }, "an earlier version recorded the arms, and its hashes do not show what they saw"],
  [{ chain: [null, null, null], train: { learningRate: 0.5 } }, "an earlier version recorded the arms, and its hashes do not show what they saw"],
  [{ chain: [], train: { learningRate: 0.5 } }, "nothing is proven: the control has 0 batches and the student 3"],
  [{ chain: ["a", "b"] }, "the arms are proven alike up to batch 2 only: the control has 2 batches and the student 3"],
])("says why it is not: %o", (control, reason) => {
  expect(verdict(control)).toMatchObject({ controlled: false, reason });
});

it("compares no batches where the student also learns from images without labels, and says so", () => {
  const more = { ...recipe, data: { ...recipe.data, labelled: 500, unlabelled: "rest" } };
  const student: ArmEvidence = { arm: "student", recipe: more, hashes, chain, linked: 3, damage: null };
  const control: ArmEvidence = { ...student, arm: "control", recipe: { ...more, distillation: null, teacher: null }, chain: ["x", "y", "z"] };
  const judged = (arm: ArmEvidence) => verdictOf(compareEvidence(arm, student), { control: 3, student: 3 });
  expect(judged(control)).toMatchObject({ controlled: false, differentImages: true, tunedSeparately: false, provenTo: 0 });
  expect(judged(control).reason).toMatch(/^different images by design/);
  expect(judged({ ...control, hashes: { ...hashes, initialWeights: "other" } }).reason).toBe("the arms started from different weights");

  const onLabelled: Recipe = { ...more, distillation: { ...recipe.distillation!, images: "labelled" } };
  const sameImages: ArmEvidence = { ...student, arm: "same-images", recipe: onLabelled, chain: control.chain };
  const beside = (arm: ArmEvidence) => verdictOf(compareEvidence(control, arm), { control: 3, student: arm.chain.length });
  expect(beside(sameImages)).toMatchObject({ controlled: true, differentImages: false, provenTo: 3 });
  expect(beside({ ...sameImages, chain: ["x"], linked: 1 }).reason).toMatch(/control has 3 batches and the arm with the teacher on the same images 1$/);
});

it("calls tuned separately only a control that can be compared", () => {
  expect(verdict({ train: { learningRate: 0.5 } }).tunedSeparately).toBe(true);
  expect(verdict({ train: { learningRate: 0.5, seed: 4 } }).tunedSeparately).toBe(false);
});
