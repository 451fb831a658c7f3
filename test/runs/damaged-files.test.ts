import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path, { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { atOnce } from "../../src-main/contract/turns";
import { summaryIn } from "../../src-main/runs/figures";
import { listRuns, readRun } from "../../src-main/runs/reader";
import { writeReport } from "../../src-main/runs/report";
import { recipeOfRun } from "../../src-main/runs/request";
import { useBackend } from "../../src-main/tensor/tensor";
import { findCheckpoint } from "../../src-main/training/checkpoint";
import { mutated, mutatedJson, withstands } from "../mutations";
import { finishedRun } from "./example-run";

useBackend(loadAddon());

// Runs as they were written: one as now, and a comparison with checkpoints.
const EARLIER = path.resolve(import.meta.dirname, "../fixtures/runs-before-evidence");
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "distill-damaged-"));
  finishedRun(join(folder, "run"));
  cpSync(join(EARLIER, "comparison"), join(folder, "comparison"), { recursive: true });
  cpSync(join(EARLIER, "single-stopped"), join(folder, "stopped"), { recursive: true });
});
afterAll(() => rmSync(folder, { recursive: true }));

/** All that reads a folder of runs, one after the other; the first refusal ends it. Reports, which take longest, are written for every fourth try. */
function readAll(n: number): void {
  listRuns(folder);
  for (const run of ["run", "stopped"]) {
    const directory = join(folder, run);
    readRun(directory);
    recipeOfRun(directory, "train");
    findCheckpoint(directory);
  }
  atOnce(summaryIn(join(folder, "comparison")));
  for (const format of n % 4 === 0 ? (["html", "json", "csv"] as const) : []) {
    const out = join(folder, `report-${n}`);
    atOnce(writeReport({ runs: [join(folder, "run"), join(folder, "comparison")], format, out }));
    rmSync(out);
  }
}

test("undamaged, all of it is read", () => {
  expect(() => readAll(0)).not.toThrow();
});

const FILES = [
  ...["recipe.json", "batches.csv", "epochs.csv", "events.jsonl", "evidence.jsonl"].map((name) => `run/${name}`),
  ...["comparison.json", "control/recipe.json", "student/epochs.csv"].map((name) => `comparison/${name}`),
  ...["recipe.json", "checkpoint/latest.safetensors"].map((name) => `stopped/${name}`),
];

test.each(FILES)("%s with changes at random is read, or refused in words", async (name) => {
  const file = join(folder, name);
  const original = readFileSync(file);
  // A checkpoint's header is its beginning: after it come weights, of which any bits are good.
  const header = name.endsWith(".safetensors") ? 8 + Number(original.readBigUInt64LE(0)) : original.length;
  try {
    await withstands(24, (n) => {
      const json = name.endsWith(".json") && n % 2 === 1;
      const changed = json ? Buffer.from(JSON.stringify(mutatedJson(JSON.parse(original.toString()), n))) : mutated(original.subarray(0, header), n);
      writeFileSync(file, Buffer.concat([changed, original.subarray(header)]));
      readAll(n);
    });
  } finally {
    writeFileSync(file, original);
  }
});
