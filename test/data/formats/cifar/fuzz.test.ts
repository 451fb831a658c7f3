import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path, { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadAddon } from "../../../../src-main/backend/load";
import { dataInfo } from "../../../../src-main/data/data-info";
import { openDataset } from "../../../../src-main/data/open-dataset";
import { useBackend } from "../../../../src-main/tensor/tensor";
import { mutated, withstands } from "../../../mutations";

useBackend(loadAddon());

const FIXTURES = path.resolve(import.meta.dirname, "../../../fixtures/cifar-python");

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "distill-cifar-fuzz-"));
  for (const name of ["cifar-10-batches-py", "cifar-100-python"]) cpSync(join(FIXTURES, name), join(folder, name), { recursive: true });
  const records = (bytes: number, count: number) => Buffer.from(Array.from({ length: bytes * count }, (_, i) => (i % bytes < 2 ? i % 10 : i % 251)));
  for (const name of ["cifar-10-batches-bin", "cifar-100-binary"]) mkdirSync(join(folder, name));
  for (const n of [1, 2, 3, 4, 5]) writeFileSync(join(folder, `cifar-10-batches-bin/data_batch_${n}.bin`), records(3073, 2));
  writeFileSync(join(folder, "cifar-10-batches-bin/test_batch.bin"), records(3073, 2));
  writeFileSync(join(folder, "cifar-10-batches-bin/batches.meta.txt"), "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n");
  for (const name of ["train", "test"]) writeFileSync(join(folder, `cifar-100-binary/${name}.bin`), records(3074, 2));
});
afterAll(() => rmSync(folder, { recursive: true }));

test.each([
  ["cifar-10-batches-py", "data_batch_2", 300],
  ["cifar-10-batches-py", "batches.meta", 300],
  ["cifar-100-python", "train", 300],
  ["cifar-10-batches-bin", "data_batch_2.bin", 60],
  ["cifar-10-batches-bin", "batches.meta.txt", 60],
  ["cifar-100-binary", "test.bin", 60],
])("%s/%s with changes at random is read, or refused in words", async (set, name, tries) => {
  const file = join(folder, set, name);
  const original = readFileSync(file);
  const at = { path: join(folder, set), format: "auto" } as const;
  try {
    const { refused } = await withstands(tries, async (n) => {
      // Most of a batch are pixels, of which any are good: half of the changes come before or after them.
      const changed =
        n % 2 === 0
          ? mutated(original, n)
          : Buffer.concat([mutated(original.subarray(0, 200), n), original.subarray(200, -200), mutated(original.subarray(-200), n)]);
      writeFileSync(file, changed);
      await dataInfo(at, 1);
      (await openDataset({ ...at, trainLimit: null, testLimit: null })).release();
    });
    expect(refused).toBeGreaterThan(tries / 10);
  } finally {
    writeFileSync(file, original);
  }
});
