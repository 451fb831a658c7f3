/** batches.csv as columns, read without an object per line: 200,000 batches take some 30 ms. */
import { existsSync, readFileSync } from "node:fs";
import { columnsOf, perEpochOf } from "../contract/columns";
import type { BatchColumns } from "../contract/run";
import type { InTurns } from "../contract/turns";
import { backend } from "../tensor/tensor";
import { runFiles } from "./files";
import { isInTheWay } from "./header";
import { readBatches } from "./reader";

/** Throws an InputError that names the file if some of it cannot be read. */
export function* readColumns(directory: string): InTurns<BatchColumns> {
  const path = runFiles(directory).batches;
  const plain = existsSync(path) && !isInTheWay(path) ? plainColumns(readFileSync(path)) : null;
  // Whatever is not as the program writes it is left to the reader that says what is wrong.
  return plain ?? columnsOf(yield* readBatches(directory));
}

const LINE = "\n".charCodeAt(0);
/** More are none of ours. */
const MOST_COLUMNS = 100;

/** null unless each line is a number in each column, as `line` (records.ts) writes it. A last line without a line break does not count. */
function plainColumns(bytes: Buffer): BatchColumns | null {
  const end = bytes.lastIndexOf(LINE) + 1;
  const body = bytes.indexOf(LINE) + 1;
  const names = bytes.toString("latin1", 0, Math.max(0, body - 1)).split(",");
  if (body === 0 || names.length > MOST_COLUMNS) return null;
  const table = backend().readTable(bytes.subarray(body, end), names.length);
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
