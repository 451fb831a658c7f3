import { expect, it } from "vitest";
import type { ArmName } from "../../../src-main/contract/arms";
import { columnsOf } from "../../../src-main/contract/columns";
import type { Column } from "../../../src-renderer/state/column";
import { ArmCurve, Curves } from "../../../src-renderer/state/curves.svelte";
import { batch, batches, begunCurves, epoch } from "../fakes";

const valuesOf = (column: Column | null) => Array.from({ length: column!.length }, (_, index) => column!.at(index));
const opened = (...arms: ArmName[]): Curves => begunCurves(arms, 3, 4);

it("adds batches one after the other, and says that they changed", () => {
  const curves = opened("control");
  const before = curves.version;
  curves.addBatches("control", batches(2, 3, { loss: 1.5 }));
  curves.addBatches("control", [batch(2, 3)]);
  expect(curves.arm("control")).toMatchObject({ batches: 3, chain: ["link 0", "link 1", "link 2"], linked: 3 });
  expect(valuesOf(curves.arm("control")!.loss)).toEqual([1.5, 1.5, 2]);
  expect(valuesOf(curves.arm("control")!.seconds)[0]).toBeCloseTo(10 / 100);
  expect(curves.version).toBeGreaterThan(before + 1);
});

it("batches and epochs that are there already are not added again", () => {
  const curves = opened("student");
  curves.addBatches("student", batches(4, 3));
  curves.addEpoch("student", epoch(1, 0.4));
  curves.addBatches("student", [batch(2, 3, { loss: 9 }), batch(3, 3, { loss: 9 }), batch(4, 3, { loss: 5 })]);
  for (const number of [1, 2]) curves.addEpoch("student", epoch(number, 0.5));
  const student = curves.arm("student")!;
  expect(valuesOf(student.loss)).toEqual([2, 2, 2, 2, 5]);
  expect(student.epochs.map(({ epoch, testAcc }) => [epoch, testAcc])).toEqual([
    [1, 0.4],
    [2, 0.5],
  ]);
});

it("an arm that is resumed takes the place of what was known of it", () => {
  const curves = opened("control", "student");
  curves.addBatches("control", batches(5, 3));
  const resumed = new ArmCurve("control", "/runs/one/control", { batchesPerEpoch: 3, epochs: 4, batchSize: 10 });
  resumed.addAll({ columns: columnsOf(batches(4, 3)), epochRecords: [epoch(1, 0.4)] });
  curves.open(resumed);
  expect(curves.arms.map(({ arm, batches, epochs }) => [arm, batches, epochs.length])).toEqual([
    ["control", 4, 1],
    ["student", 0, 0],
  ]);
});

it("positions follow each arm's own length of an epoch", () => {
  const curves = new Curves();
  curves.open(new ArmCurve("student", "s", { batchesPerEpoch: 4, epochs: 2, batchSize: 10 }));
  curves.open(new ArmCurve("control", "c", { batchesPerEpoch: 2, epochs: 3, batchSize: 10 }));
  curves.addBatches("control", batches(4, 2));
  curves.addBatches("control", [batch(3, 2, { loss: 7 }), batch(4, 2, { loss: 8 })]);
  expect(valuesOf(curves.arm("control")!.loss)).toEqual([2, 2, 2, 2, 8]);
  expect(curves).toMatchObject({ batchesPerEpoch: 4, epochs: 3 });
  expect(curves.arms.map(({ arm }) => arm)).toEqual(["control", "student"]);
});

it("takes any part of the loss by name, also one that only some batches have", () => {
  const curves = opened("student");
  curves.addBatches("student", [batch(0, 3, { parts: { ce: 1 } }), batch(1, 3, { parts: { ce: 1, novel: 5 } }), batch(2, 3, { parts: { ce: 1 } })]);
  expect(curves.lossParts).toEqual(["ce", "novel"]);
  expect(curves.arm("student")!.column("novel")).not.toBeNull();
  expect(valuesOf(curves.arm("student")!.column("novel"))).toEqual([0, 5, 0]);
  expect(curves.arm("student")!.column("unknown")).toBeNull();
});

it("a part that is 0 in every batch of an arm is none of that arm's", () => {
  const curves = opened("control", "student");
  curves.addBatches("control", batches(2, 3, { parts: { ce: 1, kd: 0 } }));
  expect(curves.lossParts).toEqual(["ce"]);
  curves.addBatches("student", [batch(0, 3, { parts: { ce: 1, kd: 0 } }), batch(1, 3, { parts: { ce: 1, kd: 2 } })]);
  expect(curves.lossParts).toEqual(["ce", "kd"]);
  expect(curves.arm("control")!.column("kd")).toBeNull();
  expect(valuesOf(curves.arm("student")!.column("kd"))).toEqual([0, 2]);
});

it("columns of a folder, where a part that a run does not have is 0, give the same curve as the batches of a live run, which leave it out", () => {
  const live = opened("control");
  live.addBatches("control", batches(3, 3, { parts: { ce: 2 } }));
  const read = opened("control");
  read.arm("control")!.addAll({ columns: columnsOf(batches(3, 3, { parts: { ce: 2, kd: 0 } })), epochRecords: [] });
  expect(read.arm("control")!.chain).toEqual([null, null, null]);
  read.link({ arm: "control", chain: ["link 0", "link 1", "link 2"], damage: null });
  const [one, other] = [live.arm("control")!, read.arm("control")!];
  expect([other.chain, other.linked, [...other.parts.keys()]]).toEqual([one.chain, one.linked, [...one.parts.keys()]]);
  for (const name of ["loss", "trainAcc", "lr", "imagesPerSecond", "ce"]) expect(valuesOf(other.column(name))).toEqual(valuesOf(one.column(name)));
  expect(valuesOf(other.seconds)).toEqual(valuesOf(one.seconds));
});

it("links of a folder do not replace those of batches that came since", () => {
  const curves = opened("student");
  curves.addBatches("student", [batch(0, 3, { chain: null }), batch(1, 3)]);
  curves.link({ arm: "student", chain: ["first", "late", "beyond"], damage: null });
  expect(curves.arm("student")).toMatchObject({ chain: ["first", "link 1"], linked: 2 });
});

it("nothing is added to an arm that has not started", () => {
  const curves = opened("control");
  curves.addBatches("student", batches(2, 3));
  curves.addEpoch("student", epoch(1, 0.5));
  curves.addBatches("control", []);
  expect(curves.arms.map(({ batches }) => batches)).toEqual([0]);
});

it("the difference is of the last epoch after which both were tested", () => {
  const curves = opened("control", "student");
  expect(curves.difference).toBeNull();
  curves.addEpoch("control", epoch(1, 0.4));
  curves.addEpoch("control", epoch(2, 0.6));
  expect(curves.difference).toBeNull();
  curves.addEpoch("student", epoch(1, 0.5));
  expect(curves.difference).toEqual({ epoch: 1, value: 0.5 - 0.4 });
  curves.addEpoch("student", epoch(2, null));
  expect(curves.difference?.epoch).toBe(1);
  curves.addEpoch("student", epoch(3, 0.9));
  expect(curves.difference?.epoch).toBe(1);
  expect(opened("student").difference).toBeNull();
});

it("a third arm divides the difference, after an epoch in which all were tested", () => {
  const curves = opened("student", "same-images", "control");
  expect(curves.arms.map(({ arm }) => arm)).toEqual(["control", "same-images", "student"]);
  curves.addEpoch("control", epoch(1, 0.25));
  curves.addEpoch("student", epoch(1, 0.75));
  expect([curves.difference?.value, curves.gainParts]).toEqual([0.5, null]);
  curves.addEpoch("same-images", epoch(1, 0.5));
  expect(curves.gainParts).toEqual({ teacherAdds: 0.25, imagesAdd: 0.25 });
  curves.addEpoch("control", epoch(2, 0.25));
  curves.addEpoch("student", epoch(2, 0.75));
  expect(curves.gainParts).toBeNull();
});

it("figures that stand side by side are of the same epoch, and what an arm has reached since is said", () => {
  const curves = opened("control", "student");
  const figures = () => curves.figures.map(({ arm, test, ahead }) => [arm, test?.epoch ?? null, ahead?.epoch ?? null]);
  curves.addEpoch("control", epoch(1, 0.2));
  expect(figures()).toEqual([
    ["control", 1, null],
    ["student", null, null],
  ]);
  curves.addEpoch("student", epoch(1, 0.3));
  curves.addEpoch("control", epoch(2, 0.4));
  expect(figures()).toEqual([
    ["control", 1, 2],
    ["student", 1, null],
  ]);
  expect(curves.figures[1]!.test!.value - curves.figures[0]!.test!.value).toBeCloseTo(curves.difference!.value);
});

it("an arm's test accuracy names the epoch that was tested", () => {
  const curves = opened("student");
  expect(curves.arm("student")!.testAcc).toBeNull();
  curves.addEpoch("student", epoch(1, 0.5));
  curves.addEpoch("student", epoch(2, null));
  expect(curves.arm("student")!.testAcc).toEqual({ epoch: 1, value: 0.5 });
});

it("the current epoch is that of the arm furthest behind, and never beyond the last", () => {
  expect(new Curves().currentEpoch).toBe(0);
  const curves = opened("control", "student");
  curves.addBatches("control", batches(3, 3));
  curves.addBatches("student", batches(2, 3));
  expect(curves.currentEpoch).toBe(1);
  for (const arm of ["control", "student"] as const) curves.addBatches(arm, batches(12, 3));
  expect(curves.currentEpoch).toBe(4);
});
