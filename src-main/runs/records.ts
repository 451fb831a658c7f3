import type { BatchRecord, EpochRecord } from "../contract/run";
import { type Readable, readLines, wholeLines } from "./lines";

/** A CSV table as data: its columns in order, each with functions that take it from a record and put it into one. */
interface Table<R> {
  columns: readonly Column<R>[];
}
interface Column<R> {
  name: string;
  get: (record: R) => number | null | undefined;
  set: (record: R, value: number | null) => void;
}

function field<R>(name: string, key: keyof R): Column<R> {
  return { name, get: (record) => record[key] as number | null, set: (record, value) => Object.assign(record as object, { [key]: value }) };
}

/** A part of the loss; a run without that part has zeros, such as `kd_loss` in a control. */
function part(name: string): Column<BatchRecord> {
  return {
    name: `${name}_loss`,
    get: ({ parts }) => parts[name] ?? 0,
    set: (record, value) => Object.assign(record, { parts: { ...record.parts, [name]: value } }),
  };
}

/** Parts with a column in every run, at its original place; columns of other parts follow the last one. */
const ALWAYS = ["ce", "kd"];

/** The table batches.csv of a run whose loss has these parts. */
export function batchTable(parts: readonly string[]): Table<BatchRecord> {
  return {
    columns: [
      field("epoch", "epoch"),
      field("iter", "iter"),
      field("loss", "loss"),
      ...ALWAYS.map(part),
      field("train_acc", "trainAcc"),
      field("lr", "lr"),
      field("images_per_second", "imagesPerSecond"),
      ...parts.filter((name) => !ALWAYS.includes(name)).map(part),
    ],
  };
}

/** The table of an existing file; its header determines the parts. */
export function batchTableOf(text: string): Table<BatchRecord> {
  const names = text.slice(0, text.indexOf("\n")).split(",");
  return batchTable(names.flatMap((name) => /^(\w+)_loss$/.exec(name)?.[1] ?? []));
}

/** All parts of the loss in the records. */
export function partsOf(records: readonly BatchRecord[]): string[] {
  return Object.keys(records[0]?.parts ?? {});
}

export const EPOCHS: Table<EpochRecord> = {
  columns: [
    field("epoch", "epoch"),
    field("train_loss", "trainLoss"),
    field("train_acc", "trainAcc"),
    field("test_acc", "testAcc"),
    field("test_loss", "testLoss"),
    field("seconds", "seconds"),
    field("val_acc", "valAcc"),
    field("val_loss", "valLoss"),
    field("ema_acc", "emaAcc"),
    field("ema_loss", "emaLoss"),
  ],
};

function headerLine<R>(table: Table<R>): string {
  return `${table.columns.map(({ name }) => name).join(",")}\n`;
}

/** Numbers are written with enough digits to read back as the same number; null as nothing. */
export function line<R>(table: Table<R>, record: R): string {
  return `${table.columns.map(({ get }) => get(record) ?? "").join(",")}\n`;
}

/** The text of a whole file. */
export function toText<R>(table: Table<R>, records: readonly R[]): string {
  return headerLine(table) + records.map((record) => line(table, record)).join("");
}

/** The records in a file's text, up to a line with anything but numbers. */
export function readTable<R>(table: Table<R>, text: string): Readable<R> {
  const [header, ...lines] = wholeLines(text);
  // Line 1 is the header.
  return readLines(lines, 2, lineParser(table, header ?? ""));
}

/** Takes a line of a table with this header, and its number. Throws an Error if anything but numbers is in it. */
export function lineParser<R>(table: Table<R>, header: string): (text: string, number: number) => R {
  const names = header.split(",");
  const positions = table.columns.map(({ name, set }) => ({ set, at: names.indexOf(name) }));
  return (text, number) => {
    const cells = text.split(",");
    if (cells.length !== names.length || !cells.every(isCell)) throw new Error(`line ${number}: expected ${names.length} numbers, got "${text}"`);
    const record = {} as R;
    for (const { set, at } of positions) set(record, cells[at] ? Number(cells[at]) : null);
    return record;
  };
}

/** Whether `line` could have written this text: a number, nothing, or NaN. */
function isCell(text: string): boolean {
  return text === "NaN" || !Number.isNaN(Number(text));
}
