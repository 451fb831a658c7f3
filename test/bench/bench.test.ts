import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { allBenchmarks, bench } from "../../src-main/bench/bench";
import { withAmxGoal } from "../../src-main/bench/goals-with-amx";
import { Inputs } from "../../src-main/bench/inputs";
import { compared } from "../../src-main/bench/statistics";
import { Torch } from "../../src-main/bench/torch";
import type { Notice } from "../../src-main/contract/notices";
import { createModel } from "../../src-main/models/registry";
import { backend, scope, useBackend } from "../../src-main/tensor/tensor";

const FAKE = path.join(import.meta.dirname, "fake-torch.mjs");
const TINY = "^distillation loss 4096x10";

let folder: string;
beforeAll(() => useBackend(loadAddon()));
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "bench-"));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

const request = { only: TINY, rounds: 3, threads: null, python: null };
const silent = () => {};

describe("alone", () => {
  test("measures a real op", async () => {
    const before = backend().memoryStats().inUse;
    const { machine, results } = await bench(request, silent);
    expect(results).toEqual([
      {
        name: expect.stringMatching(/^distillation loss 4096x10/),
        precision: "fp32",
        ours: expect.any(Number),
        theirs: null,
        ratio: null,
        goal: 4,
        unit: "GB/s",
        spread: null,
        median: { ours: expect.any(Number), theirs: null, ratio: null },
        rounds: { ours: 3, theirs: null },
        ofLimit: expect.any(Number),
      },
    ]);
    expect(results[0]!.ours).toBeGreaterThan(0);
    expect(results[0]!.ofLimit).toBeCloseTo(results[0]!.ours / machine.gigabytesPerSecond);
    expect(machine).toMatchObject({ torch: null, threads: backend().threads() });
    expect(backend().memoryStats().inUse).toBe(before);
  });

  test("reports its progress and its results", async () => {
    const notices: object[] = [];
    const { results } = await bench({ ...request, only: "^distillation loss", rounds: 1 }, (notice) => notices.push(notice));
    expect(notices).toMatchObject([
      { type: "work", done: 0, total: 2, secondsLeft: null },
      { type: "measured", record: results[0] },
      { type: "work", done: 1, total: 2, secondsLeft: expect.any(Number) },
      { type: "measured", record: results[1] },
    ]);
  });

  test("runs on the given number of threads, and restores the previous number", async () => {
    const before = backend().threads();
    const { machine } = await bench({ ...request, threads: 3 }, silent);
    expect([machine.threads, backend().threads()]).toEqual([3, before]);
  });

  test.each([
    ["no such name", "warp drive", /no benchmark has a name that matches; their names begin with linear, .*training step, .*start of the process/],
    ["no pattern", "(", /expected a regular expression/],
  ])("%s is wrong usage", (_, only, message) => expect(bench({ ...request, only }, silent)).rejects.toThrow(message));
});

describe("alternating with PyTorch", () => {
  const against = (only = TINY, tell: (notice: object) => void = silent) => bench({ ...request, only, python: FAKE }, tell);
  const withFault = (fault: string) => vi.stubEnv("FAKE_TORCH", fault);

  test("rounds alternate, with the same number of threads on both sides", async () => {
    const log = path.join(folder, "log");
    vi.stubEnv("FAKE_TORCH_LOG", log);
    const op = vi.spyOn(Torch.prototype, "open");
    const { machine, results } = await against();
    expect(machine.torch).toBe("0.0-fake");
    expect(op).toHaveBeenCalledOnce();
    expect(readFileSync(log, "utf8").split("\n")).toEqual(["threads", "open", "time", "time", "time", ""]);
    const { ours, theirs, ratio, rounds, spread } = results[0]!;
    // Data moved once, in 5 ms.
    expect(theirs).toBeCloseTo((3 * 4096 * 10 * 4) / 1e9 / 0.005);
    expect(ratio).toBeCloseTo(ours / theirs!);
    expect(rounds).toEqual({ ours: 3, theirs: 3 });
    expect(spread![1]).toBeCloseTo(ratio!);
  });

  test("peak memory is measured in a separate process", async () => {
    const log = path.join(folder, "log");
    vi.stubEnv("FAKE_TORCH_LOG", log);
    // Small enough to be built in a test.
    const { results } = await against("^peak memory .*ResNet.*fp32");
    expect(results[0]).toMatchObject({ theirs: 123, unit: "MB", rounds: { ours: 1, theirs: 1 } });
    expect(results[0]!.ratio).toBeCloseTo(123 / results[0]!.ours);
    expect(readFileSync(log, "utf8").split("\n")).toEqual(["threads", "threads", "open", "memory", ""]);
  });

  test("gives PyTorch one round where it is very slow", async () => {
    withFault("slow");
    expect((await against()).results[0]!.rounds).toEqual({ ours: 3, theirs: 1 });
  });

  test.each([
    ["dies", /ended unexpectedly \(exit code 3\)/],
    ["refuses", /ValueError: expected something else/],
  ])("if it %s, ours is still measured, and a warning names the benchmark", async (fault, words) => {
    withFault(fault);
    const warnings: string[] = [];
    const { results } = await against("^distillation loss", (notice) => {
      if ((notice as Notice).type === "warning") warnings.push((notice as { text: string }).text);
    });
    expect(results.map(({ theirs, ratio, rounds }) => [theirs, ratio, rounds])).toEqual([
      [null, null, { ours: 3, theirs: null }],
      [null, null, { ours: 3, theirs: null }],
    ]);
    expect(warnings).toHaveLength(2);
    for (const warning of warnings) expect(warning).toMatch(/^distillation loss/);
    for (const warning of warnings) expect(warning).toMatch(words);
  });

  test("without PyTorch, or without Python, it says what to do", async () => {
    withFault("no torch");
    await expect(against()).rejects.toMatchObject({ code: "INPUT", message: expect.stringMatching(/No module named 'torch'; install PyTorch .*--python/) });
    const nowhere = path.join(folder, "python");
    await expect(bench({ ...request, python: nowhere }, silent)).rejects.toThrow(/cannot be started: .*ENOENT; install PyTorch .*--python/);
  });
});

describe("the comparison", () => {
  const benchmark = { name: "x", precision: "fp32", goal: null } as const;

  test("the best rounds, and how far single rounds are from them", () => {
    expect(compared({ ...benchmark, unit: "images/s" }, { ours: [10, 30, 20], theirs: [10, 10, 5] }, 60)).toMatchObject({
      ours: 30,
      theirs: 10,
      ratio: 3,
      spread: [1, 4],
      median: { ours: 20, theirs: 10, ratio: 2 },
      ofLimit: 0.5,
    });
  });

  test("with less as better for ms and MB", () => {
    expect(compared({ ...benchmark, unit: "ms" }, { ours: [10, 40], theirs: [30, 20] }, null)).toMatchObject({
      ours: 10,
      theirs: 20,
      ratio: 2,
      spread: [0.5, 3],
      median: { ours: 25, theirs: 25, ratio: 1 },
      ofLimit: null,
    });
  });
});

describe("the list", () => {
  const benchmarks = allBenchmarks();

  test("has different names, and an op runs as it is written", () => {
    const names = benchmarks.map(({ name, precision }) => `${name}, ${precision}`);
    expect(new Set(names).size).toBe(names.length);
    // Large images take minutes to make.
    const ops = benchmarks.filter(({ unit, name }) => (unit === "GB/s" && !/depthwise.* at (112|56|28) px/.test(name)) || /T=65/.test(name));
    expect(ops.length).toBeGreaterThan(10);
    for (const { open, precision } of ops) {
      const inputs = new Inputs(precision);
      scope(open(inputs));
      inputs.release();
    }
    expect(backend().memoryStats().inUse).toBe(0);
  });

  test("has goals of its own for bf16 with AMX", () => {
    const goal = (name: string, precision = "bf16") => withAmxGoal(benchmarks.find((each) => each.name === name && each.precision === precision)!).goal;
    expect(goal("training step, ViT-tiny 224/16, batch 32")).toBe(3);
    expect(goal("training step, ViT-tiny 224/16, batch 32", "fp32")).toBe(1.3);
    expect(goal("linear 192 to 768, forward with GELU")).toBe(1.5);
    expect(goal("attention T=65, backward")).toBe(6);
    expect(goal("convolution 3x3, 64 at 32 px, dX")).toBe(1);
    expect(goal("convolution 3x3, 512 at 4 px, forward")).toBe(1.5);
    expect(goal("convolution 3x3, 512 at 4 px, dW")).toBe(1.5);
  });

  test("gives PyTorch the models' real sizes", () => {
    const sizes = benchmarks.flatMap(({ torch }) => [torch, torch.teacher]).filter((each) => each && typeof each === "object" && "model" in each);
    for (const { model: name, imageSize, patchSize, parameters } of sizes as { model: string; imageSize: number; patchSize: number; parameters: number }[]) {
      const model = createModel(name, { classes: 10, imageSize, patchSize });
      expect([name, imageSize, model.parameterCount()]).toEqual([name, imageSize, parameters]);
      model.release();
    }
  });
});

const hasTorch = spawnSync("python3", ["-c", "import torch"]).status === 0;
test.skipIf(!hasTorch)("PyTorch itself answers (skipped: python3 has no torch)", async () => {
  const { results } = await bench({ only: "^(distillation loss 4096|layer norm|AdamW|one image)", rounds: 1, threads: null, python: "python3" }, (notice) =>
    expect(notice.type).not.toBe("warning"),
  );
  for (const { theirs } of results) expect(theirs).toBeGreaterThan(0);
});
