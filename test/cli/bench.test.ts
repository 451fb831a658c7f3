import { describe, expect, it } from "vitest";
import type { BenchRecord, BenchResult } from "../../src-main/contract/bench";
import type { Notice } from "../../src-main/contract/notices";
import { runWith } from "./fake-engine";

const record: BenchRecord = {
  name: "training step, ViT",
  precision: "fp32",
  ours: 30,
  theirs: 20,
  ratio: 1.5,
  goal: 1.3,
  unit: "images/s",
  spread: [1.4, 1.625],
  median: { ours: 29, theirs: 19, ratio: 1.53 },
  rounds: { ours: 5, theirs: 5 },
  ofLimit: null,
};
const machine = {
  cpu: "Some CPU",
  logicalCores: 2,
  isa: "avx2",
  threads: 2,
  memoryBytes: 8e9,
  platform: "linux x64",
  version: "0.1.0",
  gflops: 310,
  bf16Gflops: 620,
  bf16Products: "bf16" as const,
  gigabytesPerSecond: 30,
};
const beside: BenchResult = {
  machine: { ...machine, torch: "2.13.0" },
  results: [record, { ...record, name: "linear", unit: "GFLOP/s", goal: 2, ofLimit: 0.75 }],
};
const alone: BenchResult = { machine: { ...machine, torch: null }, results: [{ ...record, theirs: null, ratio: null, spread: null }] };

const run = (args: string[], result = beside, isTTY = false) =>
  runWith(
    {
      bench: (_, notify) => {
        notify({ type: "work", name: "linear", done: 1, total: 4, secondsLeft: 65 } as Notice);
        for (const record of result.results) notify({ type: "measured", record } as Notice);
        return result;
      },
    },
    ["bench", ...args],
    { isTTY },
  );

describe("distill bench", () => {
  it("asks for all of it alone, in five rounds", async () => {
    const { status, calls } = await run([], alone);
    expect([status, calls]).toEqual([0, [{ method: "bench", params: { only: null, rounds: 5, threads: null, python: null } }]]);
  });

  it("asks for PyTorch, a part, rounds and threads", async () => {
    const { calls } = await run(["--against", "torch", "--python", "/opt/python", "--only", "ViT", "--rounds", "2", "--threads", "1"]);
    expect(calls[0]!.params).toEqual({ only: "ViT", rounds: 2, threads: 1, python: "/opt/python" });
    expect((await run(["--against", "torch"])).calls[0]!.params).toMatchObject({ python: "python3" });
  });

  it.each([
    [["--against", "jax"], /torch/],
    [["--rounds", "0"], /whole number from 1 to 1000, got "0"/],
    [["--threads", "two"], /whole number from 1 to 1024, got "two"/],
  ])("refuses %j", async (args, words) => {
    const { status, err, calls } = await run(args);
    expect([status, calls]).toEqual([2, []]);
    expect(err).toMatch(words);
  });

  it("prints one JSON document, and progress on standard error", async () => {
    const { out, err } = await run(["--json"]);
    expect(JSON.parse(out)).toEqual(beside);
    expect(err).toMatch(/linear +25% +1:05 left/);
  });

  it("prints each result to standard error as soon as it is measured, so that an interrupt loses nothing", async () => {
    expect((await run([])).err).toMatch(/^training step, ViT, fp32: 30\.0 images\/s; PyTorch 20\.0, ratio 1\.50\nlinear, fp32: .*$/m);
    expect((await run([], alone)).err).toMatch(/^training step, ViT, fp32: 30\.0 images\/s$/m);
  });

  it("prints a table with ratio, spread and goal", async () => {
    const { out } = await run([]);
    expect(out).toContain("PyTorch 2.13.0");
    expect(out).toMatch(/training step, ViT +fp32 +30\.0 +20\.0 +images\/s +1\.50 +1\.53 +1\.40-1\.63 +1\.3 met/);
    expect(out).toMatch(/linear +fp32 +30\.0 +20\.0 +GFLOP\/s +75 % +1\.50 +1\.53 +1\.40-1\.63 +2 missed/);
  });

  it("leaves PyTorch's columns out of a table without it", async () => {
    const { out } = await run([], alone);
    expect(out).toMatch(/training step, ViT +fp32 +30\.0 +images\/s$/m);
    expect(out).not.toMatch(/PyTorch|ratio|goal/);
  });

  it("prints the table in Markdown", async () => {
    const { out } = await run(["--markdown"]);
    expect(out).toContain("| training step, ViT | fp32 | 30.0 | 20.0 | images/s |  | 1.50 | 1.53 | 1.40-1.63 | 1.3 met |");
    expect(out).toContain("| --- | ---: |");
  });
});
