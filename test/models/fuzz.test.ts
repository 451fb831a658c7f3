// Weights of others, damaged at random: each is read or refused with an InputError, in time and memory that its size bounds. DISTILL_SEED repeats what
// was found; DISTILL_FUZZ makes so many times as many.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { InputError } from "../../src-main/contract/failure";
import { withWeights } from "../../src-main/models/open-weights";
import { codeOf } from "../../src-main/models/registry";
import { TORCH_GLOBALS } from "../../src-main/models/torch-values";
import { PickleError } from "../../src-main/pickle/refusal";
import { unpickle } from "../../src-main/pickle/unpickle";
import { dict, pickle, tensor, zipOf } from "./torch-archive";

const SEED = Number(process.env.DISTILL_SEED ?? 1);
const TIMES = Number(process.env.DISTILL_FUZZ ?? 1);
/** No single file may take longer. A busy machine needs most of it. */
const SLOWEST_MS = 5000;
const MOST_GROWTH = 400e6;

const files = join(import.meta.dirname, "torch-files");
const folder = mkdtempSync(join(tmpdir(), "fuzz-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** mulberry32, by Tommy Ettinger. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** Values that lengths and places are compared with. */
const EDGES = [0, 1, 0x7f, 0x80, 0xff];

/** A few bytes changed, a part cut out, doubled or moved, or the end cut off. */
function damaged(bytes: Buffer, random: (below: number) => number): Buffer {
  const copy = Buffer.from(bytes);
  const at = random(copy.length);
  const length = 1 + random(Math.min(64, copy.length - at));
  switch (random(6)) {
    case 0:
      return copy.subarray(0, at);
    case 1:
      return Buffer.concat([copy.subarray(0, at), copy.subarray(at + length)]);
    case 2:
      return Buffer.concat([copy.subarray(0, at + length), copy.subarray(at)]);
    case 3:
      copy.writeUInt32LE([0, 0xffffffff, 0x7fffffff, 0x80000000, copy.length][random(5)]!, Math.min(at, copy.length - 4));
      return copy;
    default:
      for (let changes = 1 + random(4); changes > 0; changes--) copy[random(copy.length)] = random(2) ? random(256) : EDGES[random(EDGES.length)]!;
      return copy;
  }
}

interface Counts {
  read: number;
  refused: number;
}

/** Gives `act` so many damaged forms of the samples, one after the other. */
function fuzz(samples: readonly Buffer[], count: number, act: (bytes: Buffer) => void, isRefusal: (error: unknown) => boolean): Counts {
  const counts = { read: 0, refused: 0 };
  const before = process.memoryUsage().rss;
  for (let i = 0; i < count * TIMES; i++) {
    const random = numbers(SEED * 1_000_003 + i);
    const bytes = damaged(samples[random(samples.length)]!, random);
    const began = performance.now();
    try {
      act(bytes);
      counts.read++;
    } catch (error) {
      if (!isRefusal(error)) throw new Error(`form ${i} of seed ${SEED}: ${(error as Error).stack}`, { cause: error });
      counts.refused++;
    }
    expect(performance.now() - began, `milliseconds of form ${i} of seed ${SEED}`).toBeLessThan(SLOWEST_MS);
  }
  expect(process.memoryUsage().rss - before).toBeLessThan(MOST_GROWTH);
  return counts;
}

/** A file in which nothing is accepted, or nothing refused, proves nothing. */
function expectBoth({ read, refused }: Counts): void {
  expect(read).toBeGreaterThan(0);
  expect(refused).toBeGreaterThan(0);
}

const path = join(folder, "damaged");

/** Reads all that there is, as loading and exporting do. */
function readWhole(bytes: Buffer): void {
  writeFileSync(path, bytes);
  for (const namings of [[], codeOf("resnet18").namings]) {
    withWeights(
      path,
      (file) => {
        for (const [name, { dtype }] of file.header.tensors) if (/^(F|BF)\d+$/.test(dtype)) file.values(name);
        for (const name of file.header.tensors.keys()) for (const piece of file.pieces(name)) expect(piece.length).toBeGreaterThan(0);
      },
      namings,
    );
  }
}

const isInputError = (error: unknown) => error instanceof InputError && error.message.includes(path);

describe("damaged files", () => {
  const torch = readdirSync(files)
    .filter((name) => name !== "values.json")
    .map((name) => readFileSync(join(files, name)));
  const data = pickle(dict([["w", tensor({ key: "0", count: 256, shape: [256], stride: [1] })]]));
  const compressed = [Buffer.from(data), Buffer.alloc(1024)].map((content, i) => ({ name: ["a/data.pkl", "a/data/0"][i]!, content, deflate: true }));
  const samples = [...torch, zipOf(compressed), zipOf(compressed, { zip64: true })];

  test("of torch.save", () => expectBoth(fuzz(samples, 2000, readWhole, isInputError)));

  test("of safetensors", () => {
    const header = JSON.stringify({
      __metadata__: { format: "pt", classes: '["a","b"]' },
      "fc.weight": { dtype: "F32", shape: [2, 3], data_offsets: [0, 24] },
      "module.half": { dtype: "F16", shape: [4], data_offsets: [24, 32] },
      count: { dtype: "I64", shape: [], data_offsets: [32, 40] },
    });
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(header.length));
    expectBoth(fuzz([Buffer.concat([length, Buffer.from(header), Buffer.alloc(40, 0x3c)])], 1500, readWhole, isInputError));
  });
});

describe("pickles", () => {
  const read = (bytes: Buffer) => void unpickle(bytes, { globals: TORCH_GLOBALS, load: () => null });
  const isRefused = (error: unknown) => error instanceof PickleError;

  /** The pickles of the earlier format lie open in the file. */
  const samples = ["legacy.pth", "legacy-views.pth", "model-and-average.pth"].map((name) => readFileSync(join(files, name)).subarray(0, 700));

  test("that are damaged", () => {
    // The value comes after three short pickles.
    const values = samples.map((bytes) => bytes.subarray(bytes.indexOf("ccollections") - 2));
    expectBoth(fuzz(values, 10_000, read, isRefused));
  });

  test("of opcodes at random", () => {
    const opcodes = Buffer.from("(.012FIJKMNRSTUVX]a}bcdeghjlpqrstu)GBC\x80\x81\x85\x86\x87\x88\x89\x8a\x8b\x8c\x8f\x90\x91\x92\x93\x94\x95\x96Q", "latin1");
    const random = numbers(SEED);
    const made = Array.from({ length: 200 }, () => Buffer.from(Array.from({ length: 60 }, () => (random(3) ? opcodes[random(opcodes.length)]! : random(12)))));
    expectBoth(fuzz(made, 20_000, read, isRefused));
  });
});
