import uPlot from "uplot";
import { type Line, marksBetween, rangeWithin, stepTick } from "./plot";

/** What a drawing takes from its plot. Getters are read anew with each frame. */
export interface DrawingOf {
  size: { width: number; height: number };
  lines: readonly Line[];
  tick: (value: number) => string;
  /** Drawings of one key show their cursors together. */
  sync: string | undefined;
  limits: () => readonly [number, number | null];
  /** Steps per epoch, each of which ends at a dashed line; 0 draws none. */
  marks: () => number;
  /** A range of x that was selected; null for all of it again. */
  onZoom: (range: [number, number] | null) => void;
  /** The step under the cursor, from 0; null for none. */
  onCursor: (step: number | null) => void;
}

/** The value of a custom property, in the theme of the moment. */
export const color = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** uPlot's options: thin axes in the theme's colours, lines by the arms' colours, and zoom by selecting along x. */
export function drawingOptions({ size, lines, tick, sync, limits, marks, onZoom, onCursor }: DrawingOf): uPlot.Options {
  return {
    ...size,
    padding: [8, 12, 0, 0],
    legend: { show: false },
    scales: { x: { time: false }, y: { range: (_plot, least, most) => rangeWithin(limits(), least, most, withAir) } },
    axes: axes(tick),
    series: [{}, ...lines.map(series)],
    cursor: {
      drag: { x: true, y: false, setScale: false },
      sync: sync ? { key: sync, setSeries: false } : undefined,
      points: { size: 7 },
      bind: {
        dblclick: () => () => {
          onZoom(null);
          return null;
        },
      },
    },
    hooks: {
      drawAxes: [(plot) => drawMarks(plot, marks())],
      setSelect: [(plot) => takeSelection(plot, onZoom)],
      setCursor: [({ cursor }) => onCursor(cursor.idx ?? null)],
    },
  };
}

function withAir(least: number, most: number): [number, number] {
  return uPlot.rangeNum(least, most, 0.12, true) as [number, number];
}

function axes(tick: (value: number) => string): uPlot.Axis[] {
  const look = {
    stroke: () => color("--faint"),
    font: `11.5px ${color("--font")}`,
    ticks: { show: false },
    grid: { stroke: () => color("--line"), width: 1 },
  };
  return [
    { ...look, size: 26, gap: 6, space: 70, grid: { show: false }, values: (_plot, splits) => splits.map(stepTick) },
    { ...look, size: 50, gap: 6, space: 34, values: (_plot, splits) => splits.map(tick) },
  ];
}

function series({ color: name, faint, dashed, points }: Line): uPlot.Series {
  return {
    stroke: () => color(faint ? `${name}-soft` : name),
    width: faint ? 1 : 2,
    dash: dashed ? [5, 5] : undefined,
    points: points ? { show: true, size: 10, fill: () => color(name), stroke: () => color("--surface"), width: 1.5 } : { show: false },
    spanGaps: true,
  };
}

function drawMarks(plot: uPlot, perEpoch: number): void {
  const { min, max } = plot.scales.x!;
  if (min == null || max == null) return;
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.strokeStyle = color("--line-strong");
  ctx.lineWidth = ratio;
  ctx.setLineDash([3 * ratio, 4 * ratio]);
  for (const mark of marksBetween(min, max, perEpoch)) {
    const x = Math.round(plot.valToPos(mark + 0.5, "x", true)) + 0.5;
    if (x >= bbox.left + bbox.width) continue;
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
