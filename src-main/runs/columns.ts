/** batches.csv as columns, read without an object per line: a run of 200,000 batches opens in a fraction of a second. */
import { existsSync, readFileSync } from "node:fs";
import { columnsOf, perEpochOf } from "../contract/columns";
import type { BatchColumns } from "../contract/run";
import type { InTurns } from "../contract/turns";
import { runFiles } from "./files";
import { isInTheWay } from "./header";
import { readBatches } from "./reader";

/** Throws an InputError that names the file if some of it cannot be read. */
export function* readColumns(directory: string): InTurns<BatchColumns> {
  const path = runFiles(directory).batches;
  const plain = existsSync(path) && !isInTheWay(path) ? yield* plainColumns(readFileSync(path)) : null;
  // Whatever is not as the program writes it is left to the reader that says what is wrong.
  return plain ?? columnsOf(yield* readBatches(directory));
}

const [LINE, COMMA] = ["\n".charCodeAt(0), ",".charCodeAt(0)];

/** null unless each line is a number in each column, as `line` (records.ts) writes it. A last line without a line break does not count. */
function* plainColumns(bytes: Uint8Array): InTurns<BatchColumns | null> {
  const end = bytes.lastIndexOf(LINE) + 1;
  const body = bytes.indexOf(LINE) + 1;
  if (body === 0) return null;
  const names = String.fromCharCode(...bytes.subarray(0, body - 1)).split(",");
  yield;
  const table = yield* numbersIn(bytes.subarray(body, end), names.length);
  const columns = new Map(names.map((name, index) => [name, table?.[index]]));
  const [epoch, iter, loss, trainAcc, lr, imagesPerSecond] = ["epoch", "iter", "loss", "train_acc", "lr", "images_per_second"].map((name) => columns.get(name));
  if (!epoch || !iter || !loss || !trainAcc || !lr || !imagesPerSecond) return null;
  const parts = names.flatMap((name) => {
    const part = /^(\w+)_loss$/.exec(name)?.[1];
    return part ? [[part, columns.get(name)!] as const] : [];
  });
  const perEpoch = perEpochOf(
    loss.length,
    (index) => epoch[index]!,
    (index) => iter[index]!,
  );
  return { batches: loss.length, perEpoch, loss, trainAcc, lr, imagesPerSecond, parts: Object.fromEntries(parts) };
}

/** Rows that are read in one turn: about 20 ms of work. */
const ROWS_AT_ONCE = 30_000;

/** The columns of a table of numbers; null if anything else is in it. */
function* numbersIn(bytes: Uint8Array, width: number): InTurns<Float32Array[] | null> {
  let rows = 0;
  for (let i = 0; i < bytes.length; i++) if (bytes[i] === LINE) rows++;
  const columns = Array.from({ length: width }, () => new Float32Array(rows));
  const cell = { value: 0, end: 0 };
  let at = 0;
  for (let row = 0; row < rows; row++) {
    if (row % ROWS_AT_ONCE === 0) yield;
    for (let column = 0; column < width; column++) {
      if (!readNumber(bytes, at, cell)) return null;
      if (bytes[cell.end] !== (column === width - 1 ? LINE : COMMA)) return null;
      columns[column]![row] = cell.value;
      at = cell.end + 1;
    }
  }
  return columns;
}

/** Powers of ten by which a number of at most 19 digits is scaled. */
const POWERS = Array.from({ length: 40 }, (_, power) => 10 ** power);

/** Reads "-1.5e-7" or "NaN", to more digits than 32 bits hold; false where neither begins. */
function readNumber(bytes: Uint8Array, start: number, cell: { value: number; end: number }): boolean {
  let at = start;
  if (bytes[at] === 0x4e && bytes[at + 1] === 0x61 && bytes[at + 2] === 0x4e) {
    [cell.value, cell.end] = [Number.NaN, at + 3];
    return true;
  }
  const negative = bytes[at] === 0x2d;
  if (negative) at++;
  let digits = 0;
  let decimals = 0;
  let mantissa = 0;
  for (let isAfterPoint = false; ; at++) {
    const byte = bytes[at]!;
    if (byte === 0x2e && !isAfterPoint) isAfterPoint = true;
    else if (byte >= 0x30 && byte <= 0x39) {
      mantissa = mantissa * 10 + (byte - 0x30);
      digits++;
      if (isAfterPoint) decimals++;
    } else break;
  }
  if (digits === 0) return false;
  let power = -decimals;
  if (bytes[at] === 0x65) {
    const below = bytes[at + 1] === 0x2d;
    at += below || bytes[at + 1] === 0x2b ? 2 : 1;
    let exponent = 0;
    for (; bytes[at]! >= 0x30 && bytes[at]! <= 0x39; at++) exponent = exponent * 10 + (bytes[at]! - 0x30);
    power += below ? -exponent : exponent;
  }
  const size = Math.abs(power);
  const scale = POWERS[size] ?? 10 ** size;
  const value = power < 0 ? mantissa / scale : mantissa * scale;
  [cell.value, cell.end] = [negative ? -value : value, at];
  return true;
}
