import { writeFileSync } from "node:fs";
import type { ArmName } from "../../src-main/contract/arms";
import { runFiles } from "../../src-main/runs/files";
import { batchTable, EPOCHS, toText } from "../../src-main/runs/records";
import { linkOf } from "../../src-main/training/evidence";
import { begun, epoch, PARTS, start, unlock } from "./example-run";
import { madeUpBatch } from "./made-up";

/** Writes the folder of one arm of a comparison that has finished so many batches, with whole evidence. */
export function writeLongRun(directory: string, arm: ArmName, batches: number, perEpoch: number): void {
  const epochs = Math.ceil(batches / perEpoch);
  const recipe = { ...start.recipe, train: { ...start.recipe.train, epochs } };
  const run = begun(directory, { arm, epochs, recipe });
  run.event("finished");
  run.close();
  unlock(directory);
  const files = runFiles(directory);
  const records = Array.from({ length: batches }, (_, index) => madeUpBatch(index, perEpoch));
  writeFileSync(files.batches, toText(batchTable(PARTS), records));
  writeFileSync(
    files.epochs,
    toText(
      EPOCHS,
      Array.from({ length: epochs }, (_, index) => epoch(index + 1, 0.9 - 0.5 / (index + 1))),
    ),
  );
  const lines: string[] = [];
  let chain = "";
  for (let batch = 1; batch <= batches; batch++) {
    const seen = { plan: hash(batch), pixels: hash(batch), targets: hash(batch) };
    chain = linkOf(chain, seen);
    lines.push(`${JSON.stringify({ batch, chain, ...seen, teacher: null })}\n`);
  }
  writeFileSync(files.evidence, lines.join(""));
}

/** As long as the checksums of a real run. */
const hash = (batch: number) => batch.toString(16).padStart(16, "0");
