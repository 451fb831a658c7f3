// Weights of others: files that are large, deep, hostile or changed are refused in words, and soon.
import { closeSync, ftruncateSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { InputError } from "../../src-main/contract/failure";
import { createModel } from "../../src-main/models/registry";
import { readSafetensorsHeader } from "../../src-main/models/safetensors";
import { describeWeights, exportWeights, loadWeights, saveWeights } from "../../src-main/models/weights";
import { useBackend } from "../../src-main/tensor/tensor";

useBackend(loadAddon());

const folder = mkdtempSync(join(tmpdir(), "hostile-"));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;
const newPath = () => join(folder, `${files++}.safetensors`);

function withHeader(json: string): string {
  const path = newPath();
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(Buffer.byteLength(json)));
  writeFileSync(path, Buffer.concat([length, Buffer.from(json)]));
  return path;
}

function refusal(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    expect(error).toBeInstanceOf(InputError);
    return (error as Error).message;
  }
  throw new Error("it was accepted");
}

describe("a header", () => {
  test("of more than 10 MB is not even read", () => {
    const path = newPath();
    const file = openSync(path, "w");
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(10_000_001n);
    writeSync(file, length);
    // Sparse: it takes no room on the disk.
    ftruncateSync(file, 99_000_000);
    closeSync(file);
    expect(refusal(() => readSafetensorsHeader(path))).toContain("a header length of at most 10 MB");
  });

  test.each([
    ["lists in lists", "[".repeat(9_000_000)],
    ["objects in objects", '{"a":'.repeat(1_900_000)],
    ["a shape of lists", `{"x":{"dtype":"F32","shape":${"[".repeat(100_000)}${"]".repeat(100_000)},"data_offsets":[0,4]}}`],
  ])("of %s is refused without a level of memory for each", (_, json) => {
    expect(refusal(() => readSafetensorsHeader(withHeader(json)))).toMatch(/not a valid safetensors file: its header is not a JSON object/);
  });

  test("with many tensors takes time in proportion: 100,000 of them are checked", () => {
    const entries = Array.from({ length: 100_000 }, (_, i) => `"t${i}":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`);
    expect(readSafetensorsHeader(withHeader(`{${entries.join(",")}}`)).tensors.size).toBe(100_000);
  });

  test("that promises tensors beyond its file, or with sizes that no number holds, is refused", () => {
    const of = (entry: object) => refusal(() => readSafetensorsHeader(withHeader(JSON.stringify({ x: { dtype: "F32", ...entry } }))));
    expect(of({ shape: [2 ** 30, 2 ** 30], data_offsets: [0, 4 * 2 ** 60] })).toContain("lacks a valid dtype, shape or data_offsets");
    expect(of({ shape: [2 ** 40], data_offsets: [0, 2 ** 42] })).toMatch(/its tensors end at byte \d+, the file at \d+/);
    expect(of({ shape: [-1], data_offsets: [0, 4] })).toContain("lacks a valid");
  });
});

describe("what a file says about itself", () => {
  const base = () => {
    const path = newPath();
    const model = createModel("resnet20_cifar10", { classes: 2, seed: 1 });
    saveWeights(model, path, { classes: ["a", "b"], mean: [0, 0, 0], std: [1, 1, 1] });
    model.release();
    return path;
  };

  /** The file with other metadata. */
  function saying(changes: Record<string, string>): string {
    const bytes = readFileSync(base());
    const length = Number(bytes.readBigUInt64LE(0));
    const header = JSON.parse(bytes.subarray(8, 8 + length).toString());
    header.__metadata__ = { ...header.__metadata__, ...changes };
    const path = withHeader(JSON.stringify(header));
    writeFileSync(path, Buffer.concat([readFileSync(path), bytes.subarray(8 + length)]));
    return path;
  }

  test.each([
    ["imageSize", "-7"],
    ["imageSize", "1e300"],
    ["imageSize", "[[[["],
    ["classes", '{"length":2}'],
    ["classes", "[".repeat(100_000)],
    ["classes", '["a","b","c"]'],
    ["classes", "cat,dog"],
    ["classes", '["a","a"]'],
  ])("%s %.100s that cannot be used is passed over, which is said, and the file named", (key, value) => {
    const path = saying({ [key]: value });
    const { notes, ...said } = describeWeights(path, "resnet20_cifar10");
    expect(said).toMatchObject({ [key]: null, classCount: 2 });
    expect(notes).toEqual([expect.stringMatching(new RegExp(`^weights ${path}: its metadata has an unusable "${key}", .{1,100}, which is passed over: `))]);
  });

  test.each([
    ["mean", '["a","b","c"]'],
    ["mean", "[1]"],
    ["mean", "0.485,0.456,0.406"],
    ["std", "[0,0,0]"],
  ])("%s %s that cannot be used is told where it is replaced", (key, value) => {
    const about = describeWeights(saying({ [key]: value }), "resnet20_cifar10");
    expect(about).toMatchObject({ [key]: null, notes: [], unusableNormalization: [expect.stringContaining(`"${key}", ${value} (`)] });
  });

  test.each([null, [], 7, { a: 1, b: null, c: { d: [[[[{}]]]] } }, { format: "pt", epoch: 3 }])(
    "metadata of another kind is no reason to refuse: %j",
    (metadata) => {
      const bytes = readFileSync(base());
      const length = Number(bytes.readBigUInt64LE(0));
      const path = withHeader(JSON.stringify({ ...JSON.parse(bytes.subarray(8, 8 + length).toString()), __metadata__: metadata }));
      writeFileSync(path, Buffer.concat([readFileSync(path), bytes.subarray(8 + length)]));
      expect(describeWeights(path, "resnet20_cifar10")).toMatchObject({ classes: null, classCount: 2, notes: [] });
      const model = createModel("resnet20_cifar10", { classes: 2 });
      loadWeights(model, path);
      model.release();
      expect(exportWeights({ weights: path, precision: "fp32", out: newPath() }).notes).toEqual([]);
    },
  );

  test("weights that were changed are refused by their checksum, of a run and of an export", () => {
    const original = base();
    const exported = newPath();
    exportWeights({ weights: original, precision: "bf16", out: exported });
    for (const path of [original, exported]) {
      const model = createModel("resnet20_cifar10", { classes: 2, seed: 2 });
      loadWeights(model, path);
      const bytes = readFileSync(path);
      bytes[bytes.length - 100]! ^= 1;
      writeFileSync(path, bytes);
      expect(refusal(() => loadWeights(model, path))).toMatch(new RegExp(`${path}.*(checksum|changed|damaged)`));
      model.release();
    }
    // Names are under it too, and so is what else the file says.
    expect(refusal(() => loadWeights(createModel("resnet20_cifar10", { classes: 2, seed: 2 }), saying({ mean: "[9,9,9]" })))).toMatch(
      /checksum|changed|damaged/,
    );
  });
});
