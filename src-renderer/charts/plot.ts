/** What a plot draws and says, apart from the canvas. */

export interface Line {
  name: string;
  /** A custom property: "--student". */
  color: string;
  /** Drawn behind, without an entry in the legend. */
  faint?: boolean;
  dashed?: boolean;
  /** Marks each value with a point. */
  points?: boolean;
}
/** x, then one column per line. */
export type Columns = (number | null | undefined)[][];
export type Unit = "batch" | "epoch";
export type LegendEntry = Line & { value: number | null };

const plural: Record<Unit, string> = { batch: "batches", epoch: "epochs" };

/** The lines that have an entry, each with its value under the cursor, or its last one. */
export function legendOf(lines: readonly Line[], columns: Columns, cursor: number | null): LegendEntry[] {
  const shown = (values: Columns[number]) => (cursor !== null ? values[cursor] : values.findLast((value) => value !== null && value !== undefined));
  return lines.map((line, index) => ({ ...line, value: shown(columns[index + 1] ?? []) ?? null })).filter(({ faint }) => !faint);
}

/** The plot in one sentence, for those who cannot see it. */
export function describe(title: string, legend: readonly LegendEntry[], steps: number, unit: Unit, format: (value: number) => string): string {
  const values = legend.map(({ name, value }) => `${name} ${value === null ? "no value yet" : format(value)}`);
  return `${title}: ${values.join(", ")}, ${steps} ${steps === 1 ? unit : plural[unit]}`;
}

/** A range of y within the limits; `around` adds some room around the values. */
export function rangeWithin(
  [lowest, highest]: readonly [number, number | null],
  least: number | null,
  most: number | null,
  around: (least: number, most: number) => readonly [number, number],
): [number, number] {
  if (least === null || most === null) return [lowest, highest ?? 1];
  const [low, high] = around(least, most);
  return [Math.max(lowest, low), highest === null ? high : Math.min(highest, high)];
}

/** Steps after which epochs end within a range of x, at most 24 of them. */
export function marksBetween(min: number, max: number, perEpoch: number): number[] {
  if (perEpoch <= 0) return [];
  const every = Math.max(1, Math.ceil((max - min) / perEpoch / 24)) * perEpoch;
  const first = Math.max(every, Math.ceil(min / every) * every);
  const marks: number[] = [];
  for (let mark = first; mark <= max; mark += every) marks.push(mark);
  return marks;
}

/** Whole steps alone have a number along x. */
export const stepTick = (value: number): string => (Number.isInteger(value) ? String(value) : "");
