import { expect, test } from "vitest";
import { beadsOf } from "../../../src-renderer/charts/beads";

test("a bead is a batch: joined where links meet, apart from the first that differs on, alone where only one arm has got", () => {
  expect(beadsOf(["a", "b", "x", "y"], ["a", "b", "c"], 10).map(({ from, to, state }) => [from, to, state])).toEqual([
    [1, 1, "joined"],
    [2, 2, "joined"],
    [3, 3, "apart"],
    [4, 4, "alone"],
  ]);
});

test("many batches share beads, and the last of each speaks for it", () => {
  const chain = Array.from({ length: 1146 }, (_, i) => String(i));
  const beads = beadsOf(chain, chain.slice(0, 600), 60);
  expect(beads.length).toBeLessThanOrEqual(60);
  expect([beads[0], beads.at(-1)]).toMatchObject([
    { from: 1, to: 20, state: "joined" },
    { to: 1146, state: "alone", control: true, taught: false },
  ]);
  expect(beads.every(({ from }, i) => i === 0 || from === beads[i - 1]!.to + 1)).toBe(true);
  expect(beads.filter(({ state }) => state === "joined").at(-1)!.to).toBe(600);
});

test("without links nothing is proven, and without batches there is no bead", () => {
  expect(beadsOf([null], [null], 10)[0]!.state).toBe("unproven");
  expect(beadsOf([], [], 10)).toEqual([]);
});
