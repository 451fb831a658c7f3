import type { BenchRecord } from "../contract/bench";
import { signedPoints } from "../contract/comparison";
import type { BatchRecord, EpochRecord } from "../contract/run";
import { visible } from "../contract/visible";

/** Text in columns: the first is left-aligned, the others right-aligned. */
export function table(texts: readonly (readonly string[])[]): string {
  const rows = texts.map((row) => row.map(visible));
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const pad = (cell: string, column: number) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!));
  return rows.map((row) => row.map(pad).join("   ").trimEnd()).join("\n");
}

/** A fraction as per cent. */
export function percent(fraction: number): string {
  return `${(100 * fraction).toFixed(1)} %`;
}

/** A difference of two fractions, signed, in percentage points. */
export function points(difference: number): string {
  return `${signedPoints(difference)} points`;
}

/** Seconds as 1:05 or 2:01:05. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const two = (value: number) => String(value).padStart(2, "0");
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

/** A count with its noun: "1 epoch", "5 epochs". */
export function count(value: number, noun: string): string {
  return `${value} ${noun}${value === 1 ? "" : "s"}`;
}

export function batchWords({ loss, trainAcc }: BatchRecord, imagesPerSecond: number, secondsLeft: number): string[] {
  return [`loss ${loss.toFixed(3)}`, `accuracy ${percent(trainAcc)}`, `${Math.round(imagesPerSecond)} images/s`, `${duration(secondsLeft)} left`];
}

/** A text, cut to `columns` characters. */
export function fitted(text: string, columns: number): string {
  return text.length > columns ? `${text.slice(0, columns - 1)}…` : text;
}

export function epochWords({ trainLoss, trainAcc, valAcc, testAcc, emaAcc, seconds }: EpochRecord): string {
  const averaged = emaAcc === null ? "" : ` (averaged weights ${percent(emaAcc)})`;
  const test = testAcc === null ? "" : `  test accuracy ${percent(testAcc)}${averaged}`;
  const validation = valAcc === null ? "" : `  validation accuracy ${percent(valAcc)}`;
  return `loss ${trainLoss.toFixed(3)}  train accuracy ${percent(trainAcc)}${validation}${test}  ${duration(seconds)}`;
}

/** "linear, fp32: 187 GFLOP/s; PyTorch 171, ratio 1.10" */
export function measuredWords({ name, precision, ours, theirs, ratio, unit }: BenchRecord): string {
  const beside = theirs === null || ratio === null ? "" : `; PyTorch ${significant(theirs)}, ratio ${significant(ratio)}`;
  return `${name}, ${precision}: ${significant(ours)} ${unit}${beside}`;
}

/** At least three significant digits, without an exponent: 0.0123, 1.23, 1234. */
export function significant(value: number): string {
  return value.toFixed(Math.max(0, 2 - Math.floor(Math.log10(Math.max(value, 0.01)))));
}
