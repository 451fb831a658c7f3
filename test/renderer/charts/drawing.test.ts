import type uPlot from "uplot";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { type DrawingOf, drawingOptions } from "../../../src-renderer/charts/drawing";

/** A theme in which every custom property has its own name as its value. */
beforeEach(() => {
  vi.stubGlobal("document", { documentElement: {} });
  vi.stubGlobal("getComputedStyle", () => ({ getPropertyValue: (name: string) => ` ${name}` }));
  vi.stubGlobal("devicePixelRatio", 2);
});
afterEach(() => vi.unstubAllGlobals());

const optionsOf = (changed: Partial<DrawingOf> = {}) =>
  drawingOptions({
    size: { width: 300, height: 200 },
    lines: [
      { name: "Student", color: "--student", faint: true },
      { name: "Teacher", color: "--teacher", dashed: true },
      { name: "Student", color: "--student", points: true },
    ],
    tick: (value) => `${value} %`,
    sync: undefined,
    limits: () => [0, 1],
    marks: () => 10,
    onZoom: () => {},
    onCursor: () => {},
    ...changed,
  });
const call = (work: unknown, ...args: unknown[]) => (work as (...args: unknown[]) => unknown)(...args);

it("lines have the colours of the theme, faint ones their soft colour", () => {
  const [x, faint, dashed, points] = optionsOf().series;
  expect(x).toEqual({});
  expect([call(faint!.stroke), faint!.width]).toEqual(["--student-soft", 1]);
  expect([call(dashed!.stroke), dashed!.dash]).toEqual(["--teacher", [5, 5]]);
  expect([call(points!.points!.fill), call(points!.points!.stroke)]).toEqual(["--student", "--surface"]);
});

it("axes have whole steps along x and the figure's ticks along y", () => {
  const [x, y] = optionsOf().axes!;
  expect(call(x!.values, null, [1, 1.5])).toEqual(["1", ""]);
  expect(call(y!.values, null, [50])).toEqual(["50 %"]);
  expect([call(x!.stroke), call((y!.grid as uPlot.Axis.Grid).stroke), x!.font]).toEqual(["--faint", "--line", "11.5px --font"]);
});

it("y keeps within its limits", () => {
  const { range } = optionsOf().scales!.y!;
  const [low, high] = call(range, null, 0.5, 0.99) as number[];
  expect([low! < 0.5, high]).toEqual([true, 1]);
  expect(call(range, null, null, null)).toEqual([0, 1]);
});

it("cursors are shown together under one key", () => {
  expect(optionsOf().cursor!.sync).toBeUndefined();
  expect(optionsOf({ sync: "batches" }).cursor!.sync).toMatchObject({ key: "batches" });
});

it("reports the step under the cursor", () => {
  const onCursor = vi.fn();
  const [hook] = optionsOf({ onCursor }).hooks!.setCursor!;
  for (const idx of [4, undefined]) call(hook, { cursor: { idx } });
  expect(onCursor.mock.calls).toEqual([[4], [null]]);
});

it("zooms to what is selected, but not by a click, and out again by a double click", () => {
  const onZoom = vi.fn();
  const options = optionsOf({ onZoom });
  const [hook] = options.hooks!.setSelect!;
  const plot = (width: number) => ({ select: { left: 10, width }, posToVal: (x: number) => x / 10, setSelect: vi.fn() });
  for (const width of [2, 30]) call(hook, plot(width));
  call(call(options.cursor!.bind!.dblclick));
  expect(onZoom.mock.calls).toEqual([[[1, 4]], [null]]);
});

it("draws a dashed line where an epoch ends, within the plot", () => {
  const ctx = { save: vi.fn(), restore: vi.fn(), setLineDash: vi.fn(), beginPath: vi.fn(), moveTo: vi.fn(), lineTo: vi.fn(), stroke: vi.fn() };
  const plot = (max: number | null) => ({ scales: { x: { min: 0, max } }, ctx, bbox: { left: 0, top: 5, width: 25, height: 50 }, valToPos: (x: number) => x });
  const [hook] = optionsOf().hooks!.drawAxes!;
  call(hook, plot(null));
  call(hook, plot(35));
  expect(ctx.moveTo.mock.calls).toEqual([
    [11.5, 5],
    [21.5, 5],
  ]);
  expect(ctx.restore).toHaveBeenCalledTimes(1);
});
