import type { BatchRecord, EpochRecord } from "../contract/run";

/** A CSV table as data: the name of each column and the field of a record that it holds, in order. */
interface Table<R> {
  columns: readonly { name: string; field: keyof R }[];
}

export const BATCHES: Table<BatchRecord> = {
  columns: [
    { name: "epoch", field: "epoch" },
    { name: "iter", field: "iter" },
    { name: "loss", field: "loss" },
    { name: "ce_loss", field: "ceLoss" },
    { name: "kd_loss", field: "kdLoss" },
    { name: "train_acc", field: "trainAcc" },
    { name: "lr", field: "lr" },
    { name: "images_per_second", field: "imagesPerSecond" },
  ],
};

export const EPOCHS: Table<EpochRecord> = {
  columns: [
    { name: "epoch", field: "epoch" },
    { name: "train_loss", field: "trainLoss" },
    { name: "train_acc", field: "trainAcc" },
    { name: "test_acc", field: "testAcc" },
    { name: "test_loss", field: "testLoss" },
    { name: "seconds", field: "seconds" },
  ],
};

function headerLine<R>(table: Table<R>): string {
  return `${table.columns.map(({ name }) => name).join(",")}\n`;
}

/** Numbers are written with the digits that give the same number when read; null as nothing. */
export function line<R>(table: Table<R>, record: R): string {
  return `${table.columns.map(({ field }) => record[field] ?? "").join(",")}\n`;
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
  const positions = table.columns.map(({ name, field }) => ({ field, at: names.indexOf(name) }));
  return lines.map((text, index) => {
    const cells = text.split(",");
    // Line 1 is the header.
    if (cells.length !== names.length || !cells.every(isCell)) throw new Error(`line ${index + 2}: expected ${names.length} numbers, got "${text}"`);
    return Object.fromEntries(positions.map(({ field, at }) => [field, cells[at] ? Number(cells[at]) : null])) as R;
  });
}

/** What `line` writes: NaN stands for a loss that was lost. */
function isCell(text: string): boolean {
  return text === "NaN" || !Number.isNaN(Number(text));
}
