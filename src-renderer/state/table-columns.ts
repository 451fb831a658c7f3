/** Which columns of the list of runs a width has room for. */

/** Pixels of each; of a setting `SETTING`. */
const WIDTHS: Record<string, number> = {
  name: 190,
  state: 134,
  control: 74,
  "same-images": 74,
  student: 82,
  gain: 118,
  against: 270,
  seeds: 58,
  seconds: 96,
  started: 158,
};
const SETTING = 94;
const BOX = 38;

export const widthOf = (by: string): number => WIDTHS[by] ?? SETTING;

/** Pixels that columns take beside boxes and actions: in less room, the table is scrolled sideways. */
export const widthOfAll = (columns: readonly string[], actions: number): number => columns.reduce((sum, by) => sum + widthOf(by), BOX + actions);

/** What a row cannot do without, and then what is given up last; between them the settings, two of them before the date. */
const ALWAYS = ["name", "state", "gain"];
const FIRST = ["student", "control", "against", "same-images", "seeds"];

/**
 * The columns of `wanted` that fit beside boxes and actions, in the order of `wanted`; all where the width is not known. One that has no room leaves its place
 * to narrower ones that count less.
 */
export function fittingColumns(wanted: readonly string[], width: number, actions: number): string[] {
  if (width === 0) return [...wanted];
  const settings = wanted.filter((by) => !(by in WIDTHS));
  const byWeight = [...ALWAYS, ...FIRST, ...settings.slice(0, 2), "started", ...settings.slice(2), "seconds"].filter((by) => wanted.includes(by));
  const taken = new Set<string>();
  let left = width - BOX - actions;
  for (const by of byWeight) {
    if (widthOf(by) > left && !ALWAYS.includes(by)) continue;
    taken.add(by);
    left -= widthOf(by);
  }
  return wanted.filter((by) => taken.has(by));
}
