/** What training takes of the machine, as words. */
import type { MachineSample } from "../../src-main/contract/notices";
import { gibibytes } from "./words";

/** "1.9 of 2 threads busy" */
export const processorsInWords = ({ processors, threads }: MachineSample): string =>
  `${processors.toFixed(1)} of ${threads} ${threads === 1 ? "thread" : "threads"} busy`;

/** "1.3 GiB", "40 MiB" */
export const bytesInWords = (bytes: number): string => (bytes < 2 ** 30 ? `${Math.round(bytes / 2 ** 20)} MiB` : `${gibibytes(bytes)} GiB`);

/** The first and the last time, in milliseconds since 1970; a single sample has a second around it. */
export function spanOf(samples: readonly MachineSample[]): [number, number] {
  const [first, last] = [samples[0]!.at, samples.at(-1)!.at];
  return [first, Math.max(last, first + 1000)];
}
