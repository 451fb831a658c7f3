import type uPlot from "uplot";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { type DrawingOf, drawingOptions, rangesOf } from "../../../src-renderer/charts/drawing";
import type { Line } from "../../../src-renderer/charts/plot";
import type { Points } from "../../../src-renderer/charts/trace";

class FakePath {
  readonly steps: [string, number, number][] = [];
  moveTo(x: number, y: number) {
    this.steps.push(["move", x, y]);
  }
  lineTo(x: number, y: number) {
    this.steps.push(["line", x, y]);
  }
}

/** A theme in which every custom property has its own name as its value. */
beforeEach(() => {
  vi.stubGlobal("document", { documentElement: {} });
  vi.stubGlobal("getComputedStyle", () => ({ getPropertyValue: (name: string) => ` ${name}` }));
  vi.stubGlobal("devicePixelRatio", 1);
  vi.stubGlobal("Path2D", FakePath);
});
afterEach(() => vi.unstubAllGlobals());

const none: Points = { x: [], y: [] };
const line = (name: string, more: Partial<Line> = {}): Line => ({
  name,
  color: `--${name.toLowerCase()}`,
  trace: () => ({ line: none, behind: none }),
  stamp: () => 0,
  value: () => null,
  ...more,
});
const optionsOf = (changed: Partial<DrawingOf> = {}) =>
  drawingOptions({
    size: { width: 300, height: 200 },
    lines: [line("Student"), line("Teacher", { dashed: true })],
    axis: "batch",
    titles: { x: "Batch", y: "Loss" },
    tick: (value) => `${value} %`,
    log: false,
    limits: [0, 1],
    traces: () => [],
    shaded: null,
    marks: () => 10,
    onZoom: () => {},
    onCursor: () => {},
    ...changed,
  });
const call = (work: unknown, ...args: unknown[]) => (work as (...args: unknown[]) => unknown)(...args);
/** A plot whose units are pixels. */
const plot = { bbox: { left: 0, top: 5, width: 40, height: 50 }, valToPos: (value: number) => value };

it("lines have the colours of the theme, what is behind them the soft ones", () => {
  const [x, behind, , student, teacher] = optionsOf().series;
  expect(x).toEqual({});
  expect([call(behind!.stroke), behind!.width]).toEqual(["--student-soft", 1]);
  expect([call(student!.stroke), student!.width, student!.dash]).toEqual(["--student", 2, undefined]);
  expect([call(teacher!.stroke), teacher!.dash]).toEqual(["--teacher", [5, 5]]);
});

it("a band is filled in the soft colour", () => {
  const [, behind] = optionsOf({
    lines: [line("Student", { band: true })],
    traces: () => [{ line: none, behind: { x: [1, 2, 2, 1], y: [1, 1, 3, 3] } }],
  }).series;
  const { fill } = call(behind!.paths, plot) as { fill: FakePath };
  expect([call(behind!.fill), fill.steps.length]).toEqual(["--student-soft", 4]);
});

it("axes have titles, whole steps along x and the figure's ticks along y", () => {
  const [x, y] = optionsOf().axes!;
  expect([x!.label, y!.label]).toEqual(["Batch", "Loss"]);
  expect(call(x!.values, null, [1, 1.5])).toEqual(["1", ""]);
  expect(call(y!.values, null, [50, null])).toEqual(["50 %", ""]);
  expect([call(x!.stroke), call((y!.grid as uPlot.Axis.Grid).stroke), x!.font]).toEqual(["--faint", "--line", "11.5px --font"]);
  expect(call(optionsOf({ axis: "time" }).axes![0]!.values, null, [90])).toEqual(["1:30"]);
});

it("the last number along x has room for its other half", () => {
  expect((optionsOf().padding as number[])[1]).toBeGreaterThanOrEqual(28);
});

it("y keeps within its limits, and above 0 on a logarithmic axis", () => {
  const { range } = optionsOf().scales!.y!;
  const [low, high] = call(range, null, 0.5, 0.99) as number[];
  expect([low! < 0.5, high]).toEqual([true, 1]);
  expect(call(range, null, null, null)).toEqual([0, 1]);
  const log = optionsOf({ log: true }).scales!.y!;
  expect([log.distr, (call(log.range, null, 0, 9) as number[])[0]! > 0]).toEqual([3, true]);
});

it("uPlot is told the range of each line, for the line and what is behind it", () => {
  expect(rangesOf([1, 9], [[2, 3], null])).toEqual([
    [1, 9],
    [2, 3],
    [null, null],
    [2, 3],
    [null, null],
  ]);
});

it("reports the place under the cursor", () => {
  const onCursor = vi.fn();
  const [hook] = optionsOf({ onCursor }).hooks!.setCursor!;
  for (const left of [4, -10, undefined]) call(hook, { cursor: { left }, posToVal: (x: number) => x / 2 });
  expect(onCursor.mock.calls).toEqual([[2], [null], [null]]);
});

it("zooms to what is selected, but not by a click, and out again by a double click", () => {
  const onZoom = vi.fn();
  const options = optionsOf({ onZoom });
  const [hook] = options.hooks!.setSelect!;
  const selected = (width: number) => ({ select: { left: 10, width }, posToVal: (x: number) => x / 10, setSelect: vi.fn() });
  for (const width of [2, 30]) call(hook, selected(width));
  call(call(options.cursor!.bind!.dblclick));
  expect(onZoom.mock.calls).toEqual([[[1, 4]], [null]]);
});

const pathOf = (series: uPlot.Series, index = 1) => (call(series.paths, plot, index, 0, 1) as { stroke: FakePath }).stroke.steps;

it("a line is drawn through its points, without those that have no place on the axis", () => {
  const traces = [{ line: { x: [0, 10, 20], y: [1, Number.NaN, 3] }, behind: none }];
  const [, , , student] = optionsOf({ traces: () => traces }).series;
  expect(pathOf(student!)).toEqual([
    ["line", 0, 1],
    ["line", 20, 3],
  ]);
});

it("a line that would hide another one is dashed there, and only there", () => {
  const traces = [
    { line: { x: [0, 39], y: [5, 5] }, behind: none },
    { line: { x: [0, 20, 39], y: [5, 5, 24] }, behind: none },
  ];
  const [, , , first, second] = optionsOf({ traces: () => traces }).series;
  expect(pathOf(first!)).toHaveLength(2);
  const drawn = pathOf(second!).map(([, x]) => x);
  expect([0, 6, 7, 13, 14, 20].map((x) => drawn.includes(x))).toEqual([true, true, false, false, true, true]);
  expect([22, 30, 39].every((x) => drawn.includes(x))).toBe(true);
});

const context = () => ({
  ...Object.fromEntries(
    ["save", "restore", "setLineDash", "beginPath", "moveTo", "lineTo", "stroke", "fill", "rect", "clip", "arc"].map((name) => [name, vi.fn()]),
  ),
});

it("draws a dashed line where an epoch ends, within the plot", () => {
  const ctx = context() as Record<string, ReturnType<typeof vi.fn>>;
  const [marks] = optionsOf().hooks!.drawAxes!;
  call(marks, { ...plot, ctx, scales: { x: { min: 0, max: null } } });
  call(marks, { ...plot, ctx, scales: { x: { min: 0, max: 25 } } });
  expect(ctx.moveTo!.mock.calls).toEqual([
    [10.5, 5],
    [20.5, 5],
  ]);
  expect(ctx.restore).toHaveBeenCalledTimes(1);
});

it("shades between two lines, as far as both go", () => {
  const ctx = context() as Record<string, ReturnType<typeof vi.fn>>;
  const traces = [
    { line: { x: [0, 10, 20], y: [1, 2, 3] }, behind: none },
    { line: { x: [0, 10], y: [5, 6] }, behind: none },
  ];
  const [, shade] = optionsOf({ traces: () => traces, shaded: [0, 1] }).hooks!.drawAxes!;
  call(shade, { ...plot, ctx });
  expect((ctx.fill!.mock.calls[0]![0] as FakePath).steps.map(([, x, y]) => [x, y])).toEqual([
    [0, 1],
    [10, 2],
    [10, 6],
    [0, 5],
  ]);
  const [, nothing] = optionsOf().hooks!.drawAxes!;
  call(nothing, { ...plot, ctx });
  expect(ctx.fill).toHaveBeenCalledTimes(1);
});

it("marks values with points, where there is room for them", () => {
  const ctx = context() as Record<string, ReturnType<typeof vi.fn>>;
  const draw = (count: number) => {
    const points = { x: Array.from({ length: count }, (_, i) => i), y: Array(count).fill(1) };
    const options = optionsOf({ lines: [line("Student", { points: true })], traces: () => [{ line: points, behind: none }] });
    call(options.hooks!.draw![0], { ...plot, ctx });
    return ctx.arc!.mock.calls.length;
  };
  expect([draw(2), draw(30)]).toEqual([2, 2]);
});
