import { expect, it } from "vitest";
import { fittingColumns, widthOf } from "../../../src-renderer/state/table-columns";

const wanted = ["name", "state", "control", "student", "gain", "train.epochs", "distillation.alpha", "train.seed", "seeds", "seconds", "started"];
const withBaseline = [...wanted.slice(0, 5), "against", ...wanted.slice(5)];
const ACTIONS = 62;
const taken = (columns: readonly string[]) => 38 + ACTIONS + columns.reduce((sum, by) => sum + widthOf(by), 0);

it.each([724, 800, 1000, 1122, 1300, 1762])("columns never take more than the width, and keep their order: %i px", (width) => {
  for (const all of [wanted, withBaseline]) {
    const shown = fittingColumns(all, width, ACTIONS);
    expect(taken(shown)).toBeLessThanOrEqual(width);
    expect(shown).toEqual(all.filter((by) => shown.includes(by)));
    expect(shown).toEqual(expect.arrayContaining(["name", "state", "gain"]));
  }
});

it("in a window of 1,280 px two settings and the date are there, or the comparison with a baseline", () => {
  expect(fittingColumns(wanted, 1122, ACTIONS)).toEqual([
    "name",
    "state",
    "control",
    "student",
    "gain",
    "train.epochs",
    "distillation.alpha",
    "seeds",
    "started",
  ]);
  expect(fittingColumns(withBaseline, 1122, ACTIONS)).toEqual(["name", "state", "control", "student", "gain", "against", "train.epochs", "seeds"]);
});

it("all are there where there is room, or where nothing is known of it", () => {
  expect([fittingColumns(wanted, 2000, ACTIONS), fittingColumns(withBaseline, 0, ACTIONS)]).toEqual([wanted, withBaseline]);
});
