/** The order of the list of runs. */

import type { Filtered } from "./run-filter";
import { bestTrial } from "./run-rows";

/** by: a figure of the table, or the key of a setting. */
export interface Sort {
  by: string;
  descending: boolean;
}

const FIGURES: { readonly [by: string]: (one: Filtered) => number | string | null } = {
  name: ({ row }) => row.name,
  state: ({ row }) => row.state,
  started: ({ row }) => row.started,
  seconds: ({ row }) => row.seconds,
  seeds: ({ row }) => row.summary?.seeds.length ?? null,
  gain: ({ row }) => row.summary?.difference ?? row.byLabels.find(({ summary }) => summary)?.summary?.difference ?? null,
  control: ({ row }) => row.accuracy.control?.testAcc ?? null,
  "same-images": ({ row }) => row.accuracy["same-images"]?.testAcc ?? null,
  student: ({ row }) => row.accuracy.student?.testAcc ?? bestTrial(row.search)?.valAcc ?? null,
};

/** Equal ones stay in their order. What has no value comes last, whatever the order. */
export function sorted<T extends Filtered>(all: readonly T[], { by, descending }: Sort): T[] {
  const sortedBy = (one: T) => (Object.hasOwn(FIGURES, by) ? FIGURES[by]!(one) : settingOf(one, by));
  const values = new Map(all.map((one) => [one, sortedBy(one)]));
  return [...all].sort((a, b) => {
    const [first, second] = [values.get(a)!, values.get(b)!];
    if (first === null || second === null) return Number(first === null) - Number(second === null);
    return (descending ? -1 : 1) * compared(first, second);
  });
}

function settingOf({ cells }: Filtered, key: string): number | string | null {
  const cell = cells.get(key);
  if (!cell || cell.value === null) return null;
  return typeof cell.value === "number" ? cell.value : cell.text;
}

/** Numbers before texts. */
function compared(a: number | string, b: number | string): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  if (typeof a === typeof b) return String(a).localeCompare(String(b), "en", { numeric: true });
  return typeof a === "number" ? -1 : 1;
}
