import { html, type Markup } from "./markup";

export type Point = readonly [x: number, y: number];

export interface Series {
  label: string;
  /** The CSS class that sets the colour. */
  tone: string;
  points: readonly Point[];
  /** Drawn faintly behind the line: the individual values that the line averages. */
  raw?: readonly Point[];
  /** Mark each point. */
  dots?: boolean;
  /** Vertical lines through points, by x: so far up and down. */
  spread?: readonly Point[];
}

export interface Chart {
  title: string;
  xLabel: string;
  /** A logarithmic axis with ticks at these x, in place of one over whole numbers. */
  xTicks?: readonly number[];
  series: readonly Series[];
  /** Dashed vertical lines at these x. */
  verticals?: readonly number[];
  /** A dashed horizontal line with a label. */
  level?: { y: number; label: string; tone: string };
  formatY: (y: number) => string;
  wide?: boolean;
  /** A sentence below the chart. */
  note?: string;
}

// In pixels at full page width: two charts fit side by side, a wide one takes the whole width.
export const NARROW = 496;
const WIDE = 1012;
export const HEIGHT = 280;
export const LEFT = 52;
export const TOP = 16;
export const BOTTOM = HEIGHT - 44;

/** A line chart, as a figure with one SVG element. Non-finite values leave gaps; long series are thinned but keep their peaks. */
export function lineChart({ title, xLabel, xTicks, series, verticals = [], level, formatY, wide = false, note }: Chart): Markup {
  const width = wide ? WIDE : NARROW;
  const right = width - 14;
  const points = series.flatMap(({ points, raw = [] }) => [...points, ...raw]).filter(isFinitePoint);
  if (points.length === 0) return html`<figure><figcaption>${title}</figcaption><p class="empty">No values yet.</p></figure>`;
  const ends = series.flatMap((each) => endsOf(each).flatMap(({ low, high }) => [low, high]));
  const xExtent = extentOf(points.map(([x]) => x));
  const xAxis = xTicks ? logAxis(xExtent, LEFT + 24, right - 24, xTicks) : axis(xExtent, LEFT, right, { count: wide ? 12 : 6, whole: true });
  const yAxis = axis(extentOf([...points.map(([, y]) => y), ...ends, ...(level ? [level.y] : [])]), BOTTOM, TOP, { count: 5, rounded: true });
  const path = (points: readonly Point[]) => pathOf(thinned(points), xAxis.place, yAxis.place);

  return html`<figure${wide ? html` class="wide"` : null}>
<figcaption>${title}<span class="legend">${series.map(({ label, tone }) => html`<span class="key ${tone}">${label}</span>`)}</span></figcaption>
<svg viewBox="0 0 ${width} ${HEIGHT}" role="img" aria-label="${title}: ${series.map(({ label }) => label).join(" and ")}">
${gridLines(yAxis, right, formatY)}
${xAxis.ticks.map((x) => html`<text class="tick middle" x="${xAxis.place(x)}" y="${BOTTOM + 18}">${x}</text>`)}
<line class="axis" x1="${LEFT}" x2="${right}" y1="${BOTTOM}" y2="${BOTTOM}"/>
<text class="label middle" x="${(LEFT + right) / 2}" y="${HEIGHT - 6}">${xLabel}</text>
${verticals.map((x) => html`<line class="epoch" x1="${xAxis.place(x)}" x2="${xAxis.place(x)}" y1="${TOP}" y2="${BOTTOM}"/>`)}
${level ? levelLine(level, right, yAxis.place(level.y)) : null}
${series.map(({ raw, tone }) => (raw ? html`<path class="raw ${tone}" d="${path(raw)}"/>` : null))}
${series.map(({ points, tone }) => html`<path class="line ${tone}" d="${path(points)}"/>`)}
${series.map((each) => endsOf(each).map(({ x, low, high }) => html`<line class="line ${each.tone}" x1="${xAxis.place(x)}" x2="${xAxis.place(x)}" y1="${yAxis.place(low)}" y2="${yAxis.place(high)}"/>`))}
${series.map(({ points, tone, dots }) => (dots ? points.filter(isFinitePoint).map(([x, y]) => html`<circle class="dot ${tone}" cx="${xAxis.place(x)}" cy="${yAxis.place(y)}" r="3.5"/>`) : null))}
</svg>
${note ? html`<p class="note">${note}</p>` : null}
</figure>`;
}

/** A horizontal line with its value at each tick. */
export function gridLines({ ticks, place }: Axis, right: number, format: (y: number) => string): Markup[] {
  return ticks.map(
    (y) =>
      html`<line class="grid" x1="${LEFT}" x2="${right}" y1="${place(y)}" y2="${place(y)}"/><text class="tick end" x="${LEFT - 8}" y="${place(y) + 4}">${format(y)}</text>`,
  );
}

function levelLine({ label, tone }: { label: string; tone: string }, right: number, y: number): Markup {
  return html`<line class="level ${tone}" x1="${LEFT}" x2="${right}" y1="${y}" y2="${y}"/><text class="tick end ${tone}" x="${right}" y="${y - 6}">${label}</text>`;
}

/** Of the vertical lines through the points of a series. */
function endsOf({ points, spread = [] }: Series): { x: number; low: number; high: number }[] {
  if (spread.length === 0) return [];
  const at = new Map(points);
  return spread.map(([x, by]) => ({ x, low: at.get(x)! - by, high: at.get(x)! + by }));
}

const isFinitePoint = ([, y]: Point) => Number.isFinite(y);

export function extentOf(values: readonly number[]): [low: number, high: number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return [low, high];
}

// ---- Axes -------------------------------------------------------------------------------------------------------------------------

export interface Axis {
  ticks: number[];
  /** Position on the page, with at most one decimal. */
  place: (value: number) => number;
}

/** `rounded`: begins and ends at a tick; `whole`: no ticks between whole numbers. */
export function axis(
  [low, high]: [number, number],
  start: number,
  end: number,
  { count, rounded = false, whole = false }: { count: number; rounded?: boolean; whole?: boolean },
): Axis {
  const step = Math.max(niceStep((high - low || Math.abs(high) || 1) / count), whole ? 1 : 0);
  const [from, to] =
    rounded || low === high ? [Math.floor(low / step) * step, Math.max(Math.ceil(high / step), Math.floor(low / step) + 1) * step] : [low, high];
  const first = Math.ceil(from / step - 1e-9);
  const last = Math.floor(to / step + 1e-9);
  const ticks = Array.from({ length: last - first + 1 }, (_, i) => tidy((first + i) * step));
  return { ticks, place: (value) => Math.round((start + ((value - from) / (to - from)) * (end - start)) * 10) / 10 };
}

/** Logarithmic, with ticks at the given values; for values above 0. */
export function logAxis([low, high]: [number, number], start: number, end: number, ticks: readonly number[]): Axis {
  const width = Math.log(high / low) || 1;
  return { ticks: [...ticks], place: (value) => Math.round((start + (Math.log(value / low) / width) * (end - start)) * 10) / 10 };
}

/** The powers of ten in a range above 0, or, if there are few, 1, 2 and 5 times these. */
export function logTicks([low, high]: [number, number]): number[] {
  const first = Math.floor(Math.log10(low));
  const powers = Array.from({ length: Math.ceil(Math.log10(high)) - first + 1 }, (_, i) => first + i);
  const within = (factors: readonly number[]) =>
    powers.flatMap((power) => factors.map((factor) => tidy(factor * 10 ** power))).filter((tick) => tick >= low && tick <= high);
  return within([1]).length > 2 ? within([1]) : within([1, 2, 5]);
}

/** The smallest of 1, 2, 5, 10, ... that is not less. */
function niceStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  return power * [1, 2, 5, 10].find((factor) => factor * power >= least * (1 - 1e-9))!;
}

/** Removes the rounding error that sums of tenths accumulate in their last digits. */
const tidy = (value: number) => Number(value.toPrecision(12));

// ---- Lines ------------------------------------------------------------------------------------------------------------------------

const MOST_POINTS = 1200;

/** The lowest and the highest point, in order, of each stretch that covers about one pixel. */
function thinned(points: readonly Point[]): readonly Point[] {
  if (points.length <= MOST_POINTS) return points;
  const stretch = Math.ceil((2 * points.length) / MOST_POINTS);
  return Array.from({ length: Math.ceil(points.length / stretch) }, (_, i) => extremes(points.slice(i * stretch, (i + 1) * stretch))).flat();
}

function extremes(points: readonly Point[]): readonly Point[] {
  const finite = points.filter(isFinitePoint);
  if (finite.length === 0) return points.slice(0, 1);
  const lowest = finite.reduce((a, b) => (b[1] < a[1] ? b : a));
  const highest = finite.reduce((a, b) => (b[1] > a[1] ? b : a));
  if (lowest === highest) return [lowest];
  return lowest[0] < highest[0] ? [lowest, highest] : [highest, lowest];
}

function pathOf(points: readonly Point[], placeX: (x: number) => number, placeY: (y: number) => number): string {
  return points.map(([x, y], i) => (Number.isFinite(y) ? `${i > 0 && isFinitePoint(points[i - 1]!) ? "L" : "M"}${placeX(x)} ${placeY(y)}` : "")).join("");
}
