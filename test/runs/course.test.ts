import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { columnsOf } from "../../src-main/contract/columns";
import { atOnce } from "../../src-main/contract/turns";
import * as columnsFile from "../../src-main/runs/columns";
import { readCourse, readEvidence } from "../../src-main/runs/course";
import { runFiles } from "../../src-main/runs/files";
import * as reader from "../../src-main/runs/reader";
import { useBackend } from "../../src-main/tensor/tensor";
import { finishedRun } from "./example-run";

useBackend(loadAddon());

let directory: string;
beforeEach(() => {
  directory = finishedRun(join(mkdtempSync(join(tmpdir(), "distill-course-")), "run"), {}, 3);
});
afterEach(() => rmSync(join(directory, ".."), { recursive: true }));

const { readRun } = reader;
const readColumns = (directory: string) => atOnce(columnsFile.readColumns(directory));
const readBatches = (directory: string) => atOnce(reader.readBatches(directory));
const inTurn = async () => {};
const write = (lines: readonly string[]) => writeFileSync(runFiles(directory).batches, lines.map((line) => `${line}\n`).join(""));
const HEADER = "epoch,iter,loss,ce_loss,kd_loss,train_acc,lr,images_per_second";

describe("batches as columns", () => {
  test("are those that the records have, and the rest of the run is as it is read otherwise", async () => {
    const { columns, ...course } = await readCourse(directory, inTurn);
    const { batches, evidenceDamage: _, ...run } = readRun(directory);
    expect(course).toEqual(run);
    expect(columns).toEqual(columnsOf(batches));
    expect(columns).toMatchObject({ batches: 12, perEpoch: 4 });
  });

  test("hold every number that a file may have, also of parts that are new", () => {
    write([
      "epoch,iter,loss,ce_loss,kd_loss,train_acc,lr,images_per_second,novel_loss",
      "1,1,-1.5,0,1e-7,0.30000000000000004,0.0003333333333333333,14.285714285714286,1.7976931348623157e+308",
      "2,1,NaN,12345678901234567890,5e-324,1,-0,1e+21,2.5E-3".replace("E", "e"),
    ]);
    const columns = readColumns(directory);
    expect(columns).toEqual(columnsOf(readBatches(directory)));
    expect(columns).toMatchObject({
      perEpoch: 1,
      loss: Float32Array.of(-1.5, Number.NaN),
      parts: { novel: Float32Array.of(Number.POSITIVE_INFINITY, 0.0025) },
    });
  });

  test("a last line without a line break does not count, and no line makes no columns", () => {
    const before = readColumns(directory);
    appendFileSync(runFiles(directory).batches, "4,1,2");
    expect(readColumns(directory)).toEqual(before);
    write([HEADER]);
    expect(readColumns(directory)).toMatchObject({ batches: 0, perEpoch: 0, loss: new Float32Array() });
    rmSync(runFiles(directory).batches);
    expect(readColumns(directory).batches).toBe(0);
  });

  test.each(["1,1,2,1,0,0.5,0.1", "1,1,2,1,0,0.5,0.1,x", "1,1,2,1,0,0.5,0.1,9,9", "1,1,2,1,0,0.5,0.1,9 "])("a line that is damaged is named: %s", (line) => {
    write([HEADER, "1,1,2,1,0,0.5,0.1,9", line, "1,2,2,1,0,0.5,0.1,9"]);
    if (line.endsWith(" ")) expect(readColumns(directory).batches).toBe(3);
    else expect(() => readColumns(directory)).toThrow(/batches\.csv is damaged: line 3: expected 8 numbers/);
  });
});

describe("evidence", () => {
  test("is that of the run, read in turns", async () => {
    let turns = 0;
    const evidence = await readEvidence(directory, async () => void turns++);
    expect(evidence).toEqual({ arm: "single", chain: readRun(directory).batches.map(({ chain }) => chain), damage: null });
    expect(evidence.chain).toHaveLength(12);
    expect(turns).toBeGreaterThan(0);
  });

  test("that was changed is damaged, and links nothing", async () => {
    const { evidence: path } = runFiles(directory);
    writeFileSync(path, readFileSync(path, "utf8").replace('"plan":"plan"', '"plan":"other"'));
    const { chain, damage } = await readEvidence(directory, inTurn);
    expect(damage).toMatch(/line 1 of evidence\.jsonl does not follow/);
    expect(chain).toEqual(Array(12).fill(null));
    expect(readRun(directory).evidenceDamage).toBe(damage);
  });
});
