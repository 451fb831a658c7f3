import type { BatchRecord, EpochRecord } from "../contract/run";

/** A CSV table as data: its columns in order, each with how it is read from a record and put into one. */
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

/** A part of the loss; a run without it has zeros, as with `kd_loss` in a control. */
function part(name: string): Column<BatchRecord> {
  return {
    name: `${name}_loss`,
    get: ({ parts }) => parts[name] ?? 0,
    set: (record, value) => Object.assign(record, { parts: { ...record.parts, [name]: value } }),
  };
}

/** Parts whose columns every run has, in their old place; other parts follow after the last column. */
const ALWAYS = ["ce", "kd"];

/** batches.csv of a run whose loss has these parts. */
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

/** The table of a file that is there already: the parts are read from its header. */
export function batchTableOf(text: string): Table<BatchRecord> {
  const names = text.slice(0, text.indexOf("\n")).split(",");
  return batchTable(names.flatMap((name) => /^(\w+)_loss$/.exec(name)?.[1] ?? []));
}

/** All parts of the loss that the records have. */
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
  ],
};

function headerLine<R>(table: Table<R>): string {
  return `${table.columns.map(({ name }) => name).join(",")}\n`;
}

/** Numbers are written with the digits that give the same number when read; null as nothing. */
export function line<R>(table: Table<R>, record: R): string {
  return `${table.columns.map(({ get }) => get(record) ?? "").join(",")}\n`;
}

/** A whole file's text. */
export function toText<R>(table: Table<R>, records: readonly R[]): string {
  return headerLine(table) + records.map((record) => line(table, record)).join("");
}

/**
 * The records of a file's text. A last line without its end was being written when the process died, and does not count. Throws an Error
 * that names a line with something else than numbers.
 */
export function parseTable<R>(table: Table<R>, text: string): R[] {
  const [header, ...lines] = text.split("\n").slice(0, -1);
  if (header === undefined) return [];
  const names = header.split(",");
  const positions = table.columns.map(({ name, set }) => ({ set, at: names.indexOf(name) }));
  return lines.map((text, index) => {
    const cells = text.split(",");
    // Line 1 is the header.
    if (cells.length !== names.length || !cells.every(isCell)) throw new Error(`line ${index + 2}: expected ${names.length} numbers, got "${text}"`);
    const record = {} as R;
    for (const { set, at } of positions) set(record, cells[at] ? Number(cells[at]) : null);
    return record;
  });
}

/** What `line` writes: NaN stands for a loss that was lost. */
function isCell(text: string): boolean {
  return text === "NaN" || !Number.isNaN(Number(text));
}
