import uPlot from "uplot";
import type { Axis, Range } from "../state/chart-view.svelte";
import { atPixels, hiddenPixels, type Line, logRange, marksBetween, rangeWithin, stepTick } from "./plot";
import type { Points, Trace } from "./trace";

/** What a drawing takes from its plot. Functions are asked anew with each frame. */
export interface DrawingOf {
  size: { width: number; height: number };
  lines: readonly Line[];
  axis: Axis;
  titles: { x: string; y: string };
  tick: (value: number) => string;
  log: boolean;
  limits: readonly [number, number | null];
  /** One for each line, of what is on screen. */
  traces: () => readonly Trace[];
  /** Of two lines between which the plot is shaded: their places in `lines`; null shades nothing. */
  shaded: readonly [number, number] | null;
  /** How far apart the ends of epochs are along x, each with a dashed line; 0 draws none. */
  marks: () => number;
  /** A range of x that was selected; null for all of it again. */
  onZoom: (range: Range | null) => void;
  /** The place under the cursor; null for none. */
  onCursor: (x: number | null) => void;
}

/** The value of a custom property, in the theme of the moment. */
export const color = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/**
 * uPlot's options: thin axes in the theme's colours, and zoom by selecting along x. uPlot has axes, grid and cursor; lines are drawn from their traces, so
 * that it needs no more than the range of each (`rangesOf`).
 */
export function drawingOptions(of: DrawingOf): uPlot.Options {
  const { size, lines, limits, log, traces, marks, onZoom, onCursor } = of;
  const range: uPlot.Scale.Range = (_plot, least, most) => (log ? logRange(least, most) : rangeWithin(limits, least, most, withAir));
  return {
    ...size,
    // Half of the longest number at the end of the axis.
    padding: [8, 28, 0, 0],
    legend: { show: false },
    scales: { x: { time: false }, y: { range, distr: log ? 3 : 1 } },
    axes: axes(of),
    series: [{}, ...lines.map((line, index) => behind(line, () => traces()[index])), ...lines.map((line, index) => front(line, index, traces))],
    cursor: {
      drag: { x: true, y: false, setScale: false },
      points: { show: false },
      bind: {
        dblclick: () => () => {
          onZoom(null);
          return null;
        },
      },
    },
    hooks: {
      drawAxes: [(plot) => drawMarks(plot, marks()), (plot) => shade(plot, of)],
      draw: [(plot) => drawPoints(plot, lines, traces())],
      setSelect: [(plot) => takeSelection(plot, onZoom)],
      setCursor: [(plot) => onCursor(placeUnder(plot))],
    },
  };
}

/** Data for uPlot, two values a series: the ends of x, and least and most of each line, twice as each has a series behind it. */
export function rangesOf([from, to]: Range, extremes: readonly ([number, number] | null)[]): uPlot.AlignedData {
  const ranges = extremes.map((found) => found ?? [null, null]);
  return [[from, to], ...ranges, ...ranges];
}

function withAir(least: number, most: number): [number, number] {
  return uPlot.rangeNum(least, most, 0.12, true) as [number, number];
}

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const TIME_STEPS = [1, 2, 5, 10, 15, 30, ...[1, 2, 5, 10, 15, 30].map((n) => n * MINUTE), ...[1, 2, 3, 6, 12, 24, 48, 96, 240].map((n) => n * HOUR)];

/** 90 -> "1:30", 3600 -> "1:00:00" */
export function timeTick(seconds: number): string {
  if (!Number.isInteger(seconds)) return "";
  const two = (value: number) => String(value).padStart(2, "0");
  const [hours, minutes, rest] = [Math.floor(seconds / HOUR), Math.floor((seconds % HOUR) / MINUTE), seconds % MINUTE];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

function axes({ axis, titles, tick }: DrawingOf): uPlot.Axis[] {
  const look = {
    stroke: () => color("--faint"),
    font: `11.5px ${color("--font")}`,
    labelFont: `11.5px ${color("--font")}`,
    labelSize: 16,
    labelGap: 0,
    ticks: { show: false },
    grid: { stroke: () => color("--line"), width: 1 },
  };
  const xTick = axis === "time" ? timeTick : stepTick;
  const steps = axis === "time" ? { incrs: TIME_STEPS } : {};
  return [
    { ...look, ...steps, label: titles.x, size: 24, gap: 5, space: 74, grid: { show: false }, values: (_plot, splits) => splits.map(xTick) },
    { ...look, label: titles.y, size: 50, gap: 6, space: 34, values: (_plot, splits) => splits.map((value) => (value === null ? "" : tick(value))) },
  ];
}

type Pixels = (points: Points) => { x: number[]; y: number[] };

/** Points of the chart as points of the canvas; those that have no place on a logarithmic axis are left out. */
function pixelsOf(plot: uPlot): Pixels {
  return ({ x, y }) => {
    const placed: ReturnType<Pixels> = { x: [], y: [] };
    for (let i = 0; i < x.length; i++) {
      const at = plot.valToPos(y[i]!, "y", true);
      if (!Number.isFinite(at)) continue;
      placed.x.push(plot.valToPos(x[i]!, "x", true));
      placed.y.push(at);
    }
    return placed;
  };
}

const drawnAs = (stroke: Path2D): uPlot.Series.Paths => ({ stroke, fill: null, clip: null, band: null, flags: 0 });

function polyline({ x, y }: { x: readonly number[]; y: readonly number[] }, path = new Path2D()): Path2D {
  for (let i = 0; i < x.length; i++) path.lineTo(x[i]!, y[i]!);
  return path;
}

function behind({ color: name, band }: Line, trace: () => Trace | undefined): uPlot.Series {
  const paths: uPlot.Series.PathBuilder = (plot) => {
    const path = polyline(pixelsOf(plot)(trace()?.behind ?? { x: [], y: [] }));
    return { ...drawnAs(path), fill: band ? path : null };
  };
  const soft = () => color(`${name}-soft`);
  return { stroke: soft, fill: band ? soft : undefined, width: 1, points: { show: false }, paths };
}

/** Where it would hide a line that is drawn before it, a line is dashed, so that both are seen. */
function front({ color: name, dashed }: Line, index: number, traces: () => readonly Trace[]): uPlot.Series {
  const paths: uPlot.Series.PathBuilder = (plot) => {
    const pixels = traces()
      .slice(0, index + 1)
      .map(({ line }) => pixelsOf(plot)(line));
    const own = pixels.at(-1);
    return own ? drawnAs(unhiding(plot, own, pixels.slice(0, -1))) : null;
  };
  return { stroke: () => color(name), width: 2, dash: dashed ? [5, 5] : undefined, points: { show: false }, paths };
}

/** Pixels of a dash, and of the gap after it, in which the other line is seen. */
const DASH = 7;

function unhiding({ bbox: { left, width } }: uPlot, own: ReturnType<Pixels>, before: readonly ReturnType<Pixels>[]): Path2D {
  const at = atPixels(own.x, own.y, Math.round(left), width);
  const hidden = hiddenPixels(
    at,
    before.map(({ x, y }) => atPixels(x, y, Math.round(left), width)),
  );
  if (!hidden.includes(true)) return polyline(own);
  const dash = DASH * devicePixelRatio;
  const path = new Path2D();
  let isDown = false;
  for (let i = 0; i < at.length; i++) {
    const isGap = Number.isNaN(at[i]!) || (hidden[i] && Math.floor(i / dash) % 2 === 1);
    if (!isGap) path[isDown ? "lineTo" : "moveTo"](Math.round(left) + i, at[i]!);
    isDown = !isGap;
  }
  return path;
}

function shade(plot: uPlot, { lines, shaded, traces }: DrawingOf): void {
  if (!shaded) return;
  const [below, above] = shaded.map((index) => traces()[index] && pixelsOf(plot)(traces()[index]!.line));
  if (!below || !above || below.x.length === 0 || above.x.length === 0) return;
  // As far as both go.
  const end = Math.min(below.x.at(-1)!, above.x.at(-1)!) + 0.5;
  const cut = ({ x, y }: ReturnType<Pixels>) => ({ x: x.filter((at) => at <= end), y: y.filter((_, i) => x[i]! <= end) });
  const [first, second] = [cut(below), cut(above)];
  const path = polyline({ x: [...first.x, ...second.x.reverse()], y: [...first.y, ...second.y.reverse()] });
  const { ctx } = plot;
  clipped(plot, () => {
    ctx.globalAlpha = 0.5;
    ctx.fillStyle = color(`${lines[shaded[1]]!.color}-soft`);
    ctx.fill(path);
  });
}

function drawPoints(plot: uPlot, lines: readonly Line[], traces: readonly Trace[]): void {
  const { ctx } = plot;
  const radius = 4.5 * devicePixelRatio;
  clipped(plot, () => {
    ctx.strokeStyle = color("--surface");
    ctx.lineWidth = 1.5 * devicePixelRatio;
    ctx.setLineDash([]);
    for (const [index, { points, color: name }] of lines.entries()) {
      if (!points || !traces[index]) continue;
      ctx.fillStyle = color(name);
      const { x, y } = pixelsOf(plot)(traces[index].line);
      // A circle for each epoch would be a band.
      if (x.length * 3 * radius > plot.bbox.width) continue;
      for (let i = 0; i < x.length; i++) {
        ctx.beginPath();
        ctx.arc(x[i]!, y[i]!, radius, 0, 2 * Math.PI);
        ctx.fill();
        ctx.stroke();
      }
    }
  });
}

/** Draws within the plot, with room for a point at its edge. */
function clipped({ ctx, bbox: { left, top, width, height } }: uPlot, draw: () => void): void {
  const room = 6 * devicePixelRatio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top - room, width + room, height + 2 * room);
  ctx.clip();
  draw();
  ctx.restore();
}

function drawMarks(plot: uPlot, every: number): void {
  const { min, max } = plot.scales.x!;
  if (min == null || max == null) return;
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.strokeStyle = color("--line-strong");
  ctx.lineWidth = ratio;
  ctx.setLineDash([3 * ratio, 4 * ratio]);
  for (const mark of marksBetween(min, max, every)) {
    const x = Math.round(plot.valToPos(mark, "x", true)) + 0.5;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
  }
  ctx.restore();
}

/** A selection of a few pixels is a click that trembled. */
function takeSelection(plot: uPlot, onZoom: DrawingOf["onZoom"]): void {
  const { left, width } = plot.select;
  if (width < 4) return;
  onZoom([plot.posToVal(left, "x"), plot.posToVal(left + width, "x")]);
  plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
}

function placeUnder(plot: uPlot): number | null {
  const { left } = plot.cursor;
  return left === undefined || left < 0 ? null : plot.posToVal(left, "x");
}
