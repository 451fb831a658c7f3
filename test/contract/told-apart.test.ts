import { expect, test } from "vitest";
import { toldApart } from "../../src-main/contract/told-apart";

test("names that several share get what tells them apart, and no more", () => {
  const all = [
    { name: "T2: student", details: ["seed 0", "runs/a"] },
    { name: "T2: student", details: ["seed 1", "runs/a"] },
    { name: "T2: student", details: ["seed 1", "runs/b"] },
    { name: "T1: student", details: ["seed 0", "runs/c"] },
    { name: "bundled", details: [] },
  ];
  expect(toldApart(all)).toEqual(["T2: student, seed 0", "T2: student, seed 1, runs/a", "T2: student, seed 1, runs/b", "T1: student", "bundled"]);
});
