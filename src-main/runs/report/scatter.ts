import { type Axis, axis, BOTTOM, extentOf, gridLines, HEIGHT, LEFT, logAxis, logTicks, NARROW, TOP } from "./chart";
import { html, type Markup } from "./markup";

export interface Scatter {
  title: string;
  xLabel: string;
  /** The range of x, or the values that it may have. */
  x: { kind: "log" | "uniform"; low: number; high: number; whole: boolean } | { kind: "choice"; choices: readonly string[] };
  /** x is a number, or the place among the choices. y: null where there is none, which a cross at the bottom shows. */
  points: readonly { x: number; y: number | null; isBest: boolean }[];
  formatY: (y: number) => string;
}

const RIGHT = NARROW - 14;
/** Room beside the first and the last point. */
const ASIDE = 12;

/** Single points, of which the best is marked, as a figure with one SVG element. */
export function scatterChart({ title, xLabel, x, points, formatY }: Scatter): Markup {
  const known = points.flatMap(({ y }) => y ?? []);
  const horizontal = axisOf(x);
  const yAxis = axis(known.length > 0 ? extentOf(known) : [0, 1], BOTTOM - ASIDE, TOP, { count: 5, rounded: true });
  const label = (tick: number) => (x.kind === "choice" ? x.choices[tick]! : String(tick));
  const cross = (at: number) => html`<path class="cross" d="M${at - 4} ${BOTTOM - 8}l8 8m0 -8l-8 8"/>`;
  const dot = ({ x, y, isBest }: Scatter["points"][number]) =>
    y === null
      ? cross(horizontal.place(x))
      : html`<circle class="dot ${isBest ? "best" : "student"}" cx="${horizontal.place(x)}" cy="${yAxis.place(y)}" r="${isBest ? 6 : 4}"/>`;
  // The best one last, so that no other covers it.
  const drawn = [...points].sort((a, b) => Number(a.isBest) - Number(b.isBest));
  return html`<figure>
<figcaption>${title}<span class="legend"><span class="key student">Trial</span><span class="key best">Best</span>${known.length < points.length ? html`<span class="key diverged">Diverged</span>` : null}</span></figcaption>
<svg viewBox="0 0 ${NARROW} ${HEIGHT}" role="img" aria-label="${title}: ${points.length} trials">
${gridLines(yAxis, RIGHT, formatY)}
${horizontal.ticks.map((tick) => html`<text class="tick middle" x="${horizontal.place(tick)}" y="${BOTTOM + 18}">${label(tick)}</text>`)}
<line class="axis" x1="${LEFT}" x2="${RIGHT}" y1="${BOTTOM}" y2="${BOTTOM}"/>
<text class="label middle" x="${(LEFT + RIGHT) / 2}" y="${HEIGHT - 6}">${xLabel}</text>
${drawn.map(dot)}
</svg>
</figure>`;
}

function axisOf(x: Scatter["x"]): Axis {
  const [start, end] = [LEFT + ASIDE, RIGHT - ASIDE];
  if (x.kind === "choice") {
    const { length } = x.choices;
    return { ticks: x.choices.map((_, i) => i), place: (value) => Math.round((start + ((value + 0.5) / length) * (end - start)) * 10) / 10 };
  }
  const range: [number, number] = [x.low, x.high];
  return x.kind === "log" ? logAxis(range, start, end, logTicks(range)) : axis(range, start, end, { count: 6, whole: x.whole });
}
