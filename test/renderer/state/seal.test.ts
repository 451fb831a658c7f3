import { expect, it } from "vitest";
import type { BatchRecord, RunDetails } from "../../../src-main/contract/run";
import { Curves } from "../../../src-renderer/state/curves.svelte";
import { factsOf, sealOf, withFactsOf } from "../../../src-renderer/state/seal";
import { curvesOf } from "../../../src-renderer/state/training.svelte";
import { batch, batches, controlRecipe, details, studentRecipe } from "../fakes";

const PER_EPOCH = 4;

/** A comparison after so many batches of each arm. */
function sealAfter(counts: { control: number; student: number }, finished = false, values: Partial<RunDetails> = {}) {
  const of = (count: number, changed: Partial<BatchRecord> = {}) => batches(count, PER_EPOCH, changed);
  const runs = [details("control", { batches: of(counts.control), ...values }), details("student", { batches: of(counts.student) })];
  return sealOf(curvesOf(runs), factsOf(runs), finished);
}

it("a run of one model has no seal, nor has a comparison whose student has not started", () => {
  const single = [details("single")];
  expect(sealOf(curvesOf(single), factsOf(single), true)).toBeNull();
  const control = [details("control")];
  expect(sealOf(curvesOf(control), factsOf(control), false)).toBeNull();
  expect(sealOf(new Curves(), null, false)).toBeNull();
});

it("is not green before the student has begun", () => {
  expect(sealAfter({ control: 4, student: 0 })).toMatchObject({ kind: "plain", words: "Same start" });
});

it("is proven up to the last batch that both have, also in the middle of an epoch and between epochs", () => {
  expect(sealAfter({ control: 4, student: 1 })).toMatchObject({ kind: "good", words: "Identical batches, verified up to batch 1" });
  expect(sealAfter({ control: 6, student: 4 })).toMatchObject({ kind: "good", words: "Identical batches, verified up to batch 4" });
  expect(sealAfter({ control: 8, student: 8 })).toMatchObject({ kind: "good", words: "Identical batches, verified up to batch 8" });
});

it("all is the same once the run is finished, and only with as many batches in both arms", () => {
  expect(sealAfter({ control: 8, student: 8 }, true)).toMatchObject({ kind: "good", words: "Same start, same batches", detail: null });
  expect(sealAfter({ control: 8, student: 7 }, true)?.words).toBe("Identical batches, verified up to batch 7");
});

it("a run that is resumed in the middle of an epoch stays proven", () => {
  const runs = [details("control", { batches: batches(6, PER_EPOCH) }), details("student", { batches: batches(4, PER_EPOCH) })];
  const curves = curvesOf(runs);
  curves.addBatches("student", [batch(4, PER_EPOCH)]);
  expect(sealOf(curves, factsOf(runs), false)).toMatchObject({ kind: "good", words: "Identical batches, verified up to batch 5" });
});

it("names the first batch that really differs", () => {
  const differing = batches(8, PER_EPOCH).map((record, index) => (index < 5 ? record : { ...record, chain: `other ${index}` }));
  expect(sealAfter({ control: 8, student: 8 }, true, { batches: differing })).toMatchObject({
    kind: "bad",
    words: "Start or batches differ",
    detail: "Batch 6 is the first that differs.",
  });
  expect(sealAfter({ control: 8, student: 5 }, false, { batches: differing })?.words).toBe("Identical batches, verified up to batch 5");
});

it.each([
  ["initialWeights", "The arms started from different weights."],
  ["data", "The arms were trained on different data."],
])("other %s are said in words", (hash, detail) => {
  const hashes = { ...details("control").hashes, [hash]: "other" };
  expect(sealAfter({ control: 8, student: 8 }, true, { hashes })).toMatchObject({ kind: "bad", detail });
});

it("settings that differ are called tuned separately, with their values", () => {
  const recipe = { ...controlRecipe, train: { ...studentRecipe.train, learningRate: 0.01 } };
  expect(sealAfter({ control: 8, student: 8 }, true, { recipe })).toMatchObject({
    kind: "caution",
    words: "Tuned separately",
    detail: "Learning rate 0.01 for the control, 0.001 for the student",
    title: expect.stringContaining("Apart from them: same start, same batches."),
  });
});

it("settings that differ in a run of an earlier version leave both to be read", () => {
  const recipe = { ...controlRecipe, train: { ...studentRecipe.train, learningRate: 0.01 } };
  const seal = sealAfter({ control: 8, student: 8 }, true, { recipe, batches: batches(8, PER_EPOCH, { chain: null }) });
  expect(seal).toMatchObject({
    words: "Tuned separately",
    detail: expect.stringMatching(/^Learning rate .* for the student\. Recorded by an earlier version/),
  });
});

it("a control of another seed is not comparable, which is no tuning", () => {
  const recipe = { ...controlRecipe, train: { ...studentRecipe.train, seed: 7 } };
  expect(sealAfter({ control: 8, student: 8 }, true, { recipe })).toMatchObject({
    kind: "bad",
    words: "Not comparable",
    detail: "Another seed (7 for the control, 0 for the student).",
  });
});

it("a batch that differs because of a setting is explained by it", () => {
  const recipe = { ...controlRecipe, train: { ...studentRecipe.train, batchSize: 32 } };
  const other = batches(8, PER_EPOCH).map((record) => ({ ...record, chain: `other ${record.chain}` }));
  expect(sealAfter({ control: 8, student: 8 }, true, { recipe, batches: other })).toMatchObject({
    kind: "bad",
    detail: "Batch 1 is the first that differs. Batch size 32 for the control, 64 for the student",
  });
});

it("runs of earlier versions have evidence of the old kind, never a green seal", () => {
  expect(sealAfter({ control: 8, student: 8 }, true, { batches: batches(8, PER_EPOCH, { chain: null }) })).toMatchObject({
    kind: "caution",
    words: "Evidence of the old kind",
  });
});

it("different hashes of the old kind are said, once they compare: when an earlier version has finished both arms", () => {
  const old = { batches: batches(8, PER_EPOCH, { chain: null }) };
  const other = { ...old, hashes: { ...details("control").hashes, batches: "other" } };
  const sealOfOld = (control: Partial<RunDetails>, student: Partial<RunDetails>, finished = true) => {
    const runs = [details("control", control), details("student", student)];
    return sealOf(curvesOf(runs), factsOf(runs), finished);
  };
  expect(sealOfOld(other, old)).toMatchObject({
    kind: "bad",
    words: "Start or batches differ",
    detail: "Hashes of the old kind differ: different images, order or augmentation.",
  });
  const kept = { kind: "caution", words: "Evidence of the old kind" };
  expect(sealOfOld(old, old)).toMatchObject(kept);
  expect(sealOfOld(other, old, false)).toMatchObject(kept);
  // This version resumed the student, whose hash is now of another kind.
  expect(sealOfOld(other, { batches: batches(8, PER_EPOCH) })).toMatchObject(kept);
});

it("evidence that was changed is called damaged", () => {
  const damage = "line 3 of evidence.jsonl does not follow from the line before it: the file was changed";
  expect(sealAfter({ control: 8, student: 8 }, true, { evidenceDamage: damage, batches: batches(8, PER_EPOCH, { chain: null }) })).toMatchObject({
    kind: "bad",
    words: "Evidence is damaged",
    detail: `Control: ${damage}.`,
  });
});

it("facts are learned arm by arm", () => {
  const known = withFactsOf(null, details("control", { teacherTestAcc: null }));
  expect(known).toMatchObject({ teacherTestAcc: null, arms: { control: {} } });
  expect(Object.keys(withFactsOf(withFactsOf(known, details("student")), details("control", { teacherTestAcc: null })).arms)).toEqual(["control", "student"]);
  expect(withFactsOf(known, details("student")).teacherTestAcc).toBe(0.9);
});

it("the teacher's accuracy is that of the arm that knows it", () => {
  expect(factsOf([details("control", { teacherTestAcc: null }), details("student")]).teacherTestAcc).toBe(0.9);
  expect(factsOf([details("control", { teacherTestAcc: null })]).teacherTestAcc).toBeNull();
});

it("a third arm, on the control's images, has words of its own beside those of a student on others", () => {
  const data = { ...studentRecipe.data, labelled: 500, unlabelled: "rest" };
  const student = { ...studentRecipe, data };
  const sameImages = { ...student, distillation: { ...student.distillation!, images: "labelled" as const } };
  const sealWith = (chain: Partial<BatchRecord>, finished: boolean) => {
    const runs = [
      details("control", { recipe: { ...controlRecipe, data }, batches: batches(8, PER_EPOCH) }),
      details("same-images", { recipe: sameImages, batches: batches(8, PER_EPOCH, chain) }),
      details("student", { recipe: student, batches: batches(8, PER_EPOCH, { chain: "other" }) }),
    ];
    return sealOf(curvesOf(runs), factsOf(runs), finished);
  };
  const different = { kind: "caution", words: "Different images by design" };
  expect(sealWith({}, true)).toMatchObject({ ...different, detail: "Teacher on the same images: same start, same batches" });
  expect(sealWith({}, false)).toMatchObject({ ...different, detail: "Teacher on the same images: identical batches, verified up to batch 8" });
  expect(sealWith({ chain: "other" }, true)).toMatchObject({
    kind: "bad",
    words: "Start or batches differ",
    detail: "Teacher on the same images: Batch 1 is the first that differs.",
  });
});
