import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import type { Model } from "../../src-main/models/model";
import { createModel } from "../../src-main/models/registry";
import { readSafetensorsHeader, writeSafetensors } from "../../src-main/models/safetensors";
import { describeWeights, exportWeights, hashWeights, loadTensors, loadWeights, saveWeights } from "../../src-main/models/weights";
import { full, scope, useBackend } from "../../src-main/tensor/tensor";

useBackend(loadAddon());

const NOTES = { classes: [..."abcdefghij"], mean: [0.49, 0.48, 0.45], std: [0.25, 0.24, 0.26] };

let folder: string;
let model: Model;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "weights-"));
  model = createModel("resnet20_cifar10", { classes: 10, seed: 5 });
});
afterAll(() => {
  rmSync(folder, { recursive: true });
  model.release();
});

/** A file with any content, as another program may have written it. */
function stored(header: object | string, data: Uint8Array = new Uint8Array()): string {
  const json = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return file(Buffer.concat([length, json, data]));
}

function file(content: Uint8Array | string): string {
  const path = join(folder, `stored-${readdirSync(folder).length}.safetensors`);
  writeFileSync(path, content);
  return path;
}

const bytes = (values: ArrayBufferView) => new Uint8Array(values.buffer);

/** Reads one tensor [count] called x. */
function readX(path: string, count: number): number[] {
  return scope(() => {
    const x = full([count], 0);
    loadTensors(new Map([["x", x]]), path, "test");
    return Array.from(x.toFloat32());
  });
}

describe("weights", () => {
  it("come back bitwise equal, with their notes", () => {
    const path = join(folder, "resnet20.safetensors");
    saveWeights(model, path, NOTES);
    const other = createModel("resnet20_cifar10", { classes: 10, seed: 6 });
    expect(hashWeights(other)).not.toBe(hashWeights(model));
    loadWeights(other, path);
    expect(hashWeights(other)).toBe(hashWeights(model));
    other.release();
    expect(describeWeights(path, "resnet20_cifar10")).toMatchObject({ imageSize: 32, patchSize: null, classCount: 10, ...NOTES, notes: [] });
    expect(readdirSync(folder)).not.toContain("resnet20.safetensors.partial");
  });

  it.each(["vit_micro_patch4_32", "vit_micro_convstem_patch8_32"])("reveal the sizes of %s by their shapes alone", (name) => {
    const vit = createModel(name, { classes: 7, imageSize: 48, patchSize: 4 });
    const path = join(folder, "vit.safetensors");
    writeSafetensors(path, vit.weights());
    vit.release();
    expect(describeWeights(path, name)).toMatchObject({ classes: null, classCount: 7, imageSize: 48, patchSize: 4, mean: null, std: null });
  });

  it("may carry PyTorch's batch counters, which change nothing", () => {
    const x = new Float32Array([1, 2]);
    const counter = new BigInt64Array([99n]);
    const path = stored(
      { x: { dtype: "F32", shape: [2], data_offsets: [0, 8] }, "bn1.num_batches_tracked": { dtype: "I64", shape: [], data_offsets: [8, 16] } },
      Buffer.concat([bytes(x), bytes(counter)]),
    );
    expect(readX(path, 2)).toEqual([1, 2]);
  });

  it("may be stored in 16 bits", () => {
    const half = new Uint16Array([0x3c00, 0xc000, 0x0001, 0x7c00, 0x3555, 0x8000]);
    const brain = new Uint16Array([0x3f80, 0xc000, 0x7f80, 0x3eab]);
    expect(readX(stored({ x: { dtype: "F16", shape: [6], data_offsets: [0, 12] } }, bytes(half)), 6)).toEqual([
      1,
      -2,
      2 ** -24,
      Number.POSITIVE_INFINITY,
      0.333251953125,
      -0,
    ]);
    expect(readX(stored({ x: { dtype: "BF16", shape: [4], data_offsets: [0, 8] } }, bytes(brain)), 4)).toEqual([1, -2, Number.POSITIVE_INFINITY, 0.333984375]);
  });

  it("may be stored in 64 bits, in any order, with spaces behind the header", () => {
    const [y, x] = [new Float64Array([0.1, -3]), new Float32Array([5])];
    const header = {
      __metadata__: { format: "pt" },
      y: { dtype: "F64", shape: [2], data_offsets: [0, 16] },
      x: { dtype: "F32", shape: [1], data_offsets: [16, 20] },
    };
    const read = (path: string) =>
      scope(() => {
        const [ofX, ofY] = [full([1], 0), full([2], 0)];
        loadTensors(
          new Map([
            ["x", ofX],
            ["y", ofY],
          ]),
          path,
          "test",
        );
        return [...ofX.toFloat32(), ...ofY.toFloat32()];
      });
    const data = Buffer.concat([bytes(y), bytes(x)]);
    const reversed = Object.fromEntries(Object.entries(header).reverse());
    for (const text of [JSON.stringify(header), `${JSON.stringify(header)}${" ".repeat(13)}`, JSON.stringify(reversed)])
      expect(read(stored(text, data))).toEqual([5, Math.fround(0.1), -3]);
  });

  it("are exported with what is no float, as counters, passed on as it is", () => {
    const header = {
      w: { dtype: "F32", shape: [2], data_offsets: [0, 8] },
      "bn1.num_batches_tracked": { dtype: "I64", shape: [], data_offsets: [8, 16] },
      mask: { dtype: "BOOL", shape: [3], data_offsets: [16, 19] },
    };
    const data = Buffer.concat([bytes(new Float32Array([1, -2])), bytes(new BigInt64Array([7n])), Buffer.from([1, 0, 1])]);
    const out = join(folder, "passed-on.safetensors");
    expect(exportWeights({ weights: stored(header, data), precision: "bf16", out })).toMatchObject({ converted: 1, kept: { I64: 1, BOOL: 1 }, warnings: [] });
    const { tensors } = readSafetensorsHeader(out);
    expect([...tensors].map(([name, { dtype, shape }]) => [name, dtype, shape])).toEqual([
      ["w", "BF16", [2]],
      ["bn1.num_batches_tracked", "I64", []],
      ["mask", "BOOL", [3]],
    ]);
    expect([...readFileSync(out).subarray(tensors.get("w")!.begin)]).toEqual([0x80, 0x3f, 0x00, 0xc0, 7, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1]);
  });

  it("are exported to bf16 by rounding to the nearest, ties to even, with their notes", () => {
    const bits = [0x3f800000, 0x3f808000, 0x3f808001, 0x3f818000, 0xbf807fff, 0x7f7fffff, 0x7f800000, 0x7f800001, 0x80000000, 0x00000001];
    const rounded = [0x3f80, 0x3f80, 0x3f81, 0x3f82, 0xbf80, 0x7f80, 0x7f80, 0x7fc0, 0x8000, 0x0000];
    const values = new Float32Array(Uint32Array.from(bits).buffer);
    const [from, to] = [join(folder, "whole.safetensors"), join(folder, "half.safetensors")];
    writeSafetensors(from, new Map([["values", { shape: [2, 5], size: 10, toFloat32: () => values }]]), { classes: '["a"]' });
    expect(exportWeights({ weights: from, precision: "bf16", out: to })).toEqual({
      path: to,
      bytes: readFileSync(to).length,
      converted: 1,
      kept: {},
      notes: [],
      warnings: [expect.stringContaining('tensor "values" holds NaN or infinity, and so does the exported file')],
    });
    const { metadata, tensors } = readSafetensorsHeader(to);
    expect([metadata, tensors.get("values")]).toMatchObject([{ classes: '["a"]' }, { dtype: "BF16", shape: [2, 5] }]);
    expect([...new Uint16Array(Uint8Array.from(readFileSync(to).subarray(tensors.get("values")!.begin)).buffer)]).toEqual(rounded);
    expect(() => exportWeights({ weights: from, precision: "fp32", out: to })).toThrow("half.safetensors: already exists");
  });

  it("that do not exist, or have no folder to be exported to, are refused in words", () => {
    const path = join(folder, "none.safetensors");
    expect(() => describeWeights(path, "resnet20_cifar10")).toThrow(`weights ${path}: the file does not exist`);
    const out = join(folder, "nodir", "a.safetensors");
    expect(() => exportWeights({ weights: path, precision: "bf16", out })).toThrow(
      `${out} cannot be written: the folder ${join(folder, "nodir")} does not exist; make it first, or choose another`,
    );
  });

  it("of fp64 that are too large for fp32 are not taken for those of a failed training", () => {
    const weights = [...model.weights()];
    let end = 0;
    const header = weights.map(([name, { shape, size }]) => {
      const begin = end;
      end += 8 * size;
      return [name, { dtype: "F64", shape, data_offsets: [begin, end] }] as const;
    });
    const values = new Float64Array(end / 8);
    values[1] = 1e300;
    const path = stored(Object.fromEntries(header), bytes(values));
    const name = weights[0]![0];
    const told = `weights ${path}: tensor "${name}" holds`;
    expect(() => loadWeights(createModel("resnet20_cifar10", { classes: 10 }), path)).toThrow(
      `${told} Infinity, at place 1 of ${weights[0]![1].size}: that is infinite, or an fp64 too large for fp32, in which this program computes; choose others`,
    );
    const { warnings } = exportWeights({ weights: path, precision: "bf16", out: join(folder, "from-fp64.safetensors") });
    expect(warnings).toEqual([`${told} infinity or fp64 values too large for fp32, which are infinity in the exported file: no model can use it`]);
  });

  it("too large for bf16 are told when they are exported, and exported to fp32 as they are", () => {
    const from = join(folder, "large.safetensors");
    const largest = new Float32Array(Uint32Array.of(0x7f7f7fff, 0xff7f8000).buffer);
    writeSafetensors(from, new Map([["values", { shape: [2], size: 2, toFloat32: () => largest }]]));
    const exported = (precision: "bf16" | "fp32") => exportWeights({ weights: from, precision, out: join(folder, `large-${precision}.safetensors`) });
    expect(exported("fp32").warnings).toEqual([]);
    const told = 'tensor "values" holds values too large for bf16, which are infinity in the exported file: export it as fp32 instead';
    expect(exported("bf16").warnings).toEqual([expect.stringContaining(told)]);
    writeSafetensors(from, new Map([["values", { shape: [1], size: 1, toFloat32: () => largest.subarray(0, 1) }]]));
    expect(exportWeights({ weights: from, precision: "bf16", out: join(folder, "fits.safetensors") }).warnings).toEqual([]);
  });

  it("that do not fit are refused with each tensor named, expected and found, and change nothing", () => {
    const path = join(folder, "resnet20.safetensors");
    saveWeights(model, path, NOTES);
    const wide = createModel("resnet20_cifar10", { classes: 100 });
    const before = hashWeights(wide);
    expect(() => loadWeights(wide, path)).toThrow(
      /resnet20\.safetensors do not fit resnet20_cifar10: tensor "fc\.weight": expected \[100,64\], found \[10,64\]; tensor "fc\.bias": expected \[100\], found \[10\]\. Choose/,
    );
    expect(hashWeights(wide)).toBe(before);
    wide.release();

    const vit = createModel("vit_micro_patch4_32", { classes: 10 });
    expect(() => loadWeights(vit, path)).toThrow(/tensor "cls_token": expected \[1,1,128\], found none; .*; and \d+ more/);
    vit.release();
  });

  it("keep the old file if the new one cannot be written", () => {
    const path = join(folder, "missing", "weights.safetensors");
    expect(() => saveWeights(model, path, NOTES)).toThrow(/missing.weights\.safetensors cannot be written \(ENOENT/);
    const kept = join(folder, "kept.safetensors");
    saveWeights(model, kept, NOTES);
    const before = readFileSync(kept);
    const released = createModel("resnet20_cifar10", { classes: 10 });
    released.weights().get("fc.weight")!.release();
    expect(() => saveWeights(released, kept, NOTES)).toThrow(/released/);
    expect(readFileSync(kept).equals(before)).toBe(true);
    expect(existsSync(`${kept}.partial`)).toBe(false);
  });
});

describe("a damaged file", () => {
  const four = new Uint8Array(4);
  const x = { dtype: "F32", shape: [1], data_offsets: [0, 4] };
  it.each([
    ["empty", () => file(""), "the file is empty (0 bytes)"],
    ["of text", () => file("these are not weights at all"), "is a text, not weights"],
    ["with a header cut off", () => file(readFileSync(stored({ x })).subarray(0, 20)), "it is truncated"],
    ["with a header that is not JSON", () => stored("{x}    "), "its header is not a JSON object"],
    ["with tensors cut off", () => stored({ x }, four.subarray(1)), "its tensors end at byte"],
    ["with something appended", () => stored({ x }, new Uint8Array(5)), "or has something appended"],
    ["with overlapping tensors", () => stored({ x, y: x }, four), 'tensor "y" begins at byte'],
    ["with a gap", () => stored({ x: { ...x, data_offsets: [4, 8] } }, new Uint8Array(8)), "a gap or an overlap"],
    [
      "with a size that does not fit its shape",
      () => stored({ x: { ...x, shape: [2] } }, four),
      'tensor "x" (F32 [2]) should have 8 bytes, but its offsets span 4',
    ],
    ["with a negative size", () => stored({ x: { ...x, shape: [-1] } }, four), 'tensor "x" lacks a valid dtype, shape or data_offsets'],
    ["with an unknown dtype", () => stored({ x: { ...x, dtype: "constructor" } }, four), 'tensor "x" has the unknown dtype constructor'],
  ])("%s is refused with the reason", (_, make, reason) => {
    expect(() => describeWeights(make(), "resnet20_cifar10")).toThrow(reason);
  });

  it("or one with integers instead of weights is refused", () => {
    expect(() => readX(stored({ x: { ...x, dtype: "I32" } }, four), 1)).toThrow('tensor "x" has dtype I32; expected F32, BF16, F16, F64');
  });

  it("or a missing one is named", () => {
    expect(() => describeWeights(join(folder, "nowhere.safetensors"), "resnet20_cifar10")).toThrow(/nowhere\.safetensors: the file does not exist/);
  });
});
