import { describe, expect, test } from "vitest";
import { Interrupted } from "../../../src-main/contract/failure";
import { type RunOptions, runWith } from "../fake-engine";

const exportedWith = (converted: number, kept: Record<string, number>, args: readonly string[]) =>
  runWith({ exportWeights: ({ out }) => ({ path: out, bytes: 1.5e6, converted, kept }) }, ["export", ...args]);
const exported = (...args: string[]) => exportedWith(8, {}, args);

test.each([
  ["runs/demo/student/student.safetensors", "student"],
  ["best.pth.tar", "best"],
  ["my.model.v2.pt", "my.model.v2"],
  ["hf:timm/resnet18.a1_in1k", "resnet18.a1_in1k"],
])("%s is exported to a new file named like it, and the precision is said", async (weights, name) => {
  expect((await exported("--weights", weights)).out).toBe(`Weights: ${name}-2026-11-24-120000.safetensors (1.5 MB in bf16)\n`);
});

test("a name of another format is refused, with the right one", async () => {
  const refused = await exported("--weights", "a.pth", "--out", "there/x.pth");
  expect(refused.calls).toEqual([]);
  expect(refused.err).toContain("--out there/x.pth: --format safetensors writes a file whose name ends with .safetensors: name it there/x.safetensors");
  expect((await exported("--weights", "a.pth", "--out", "x.safetensors", "--precision", "fp32")).out).toBe("Weights: x.safetensors (1.5 MB in fp32)\n");
});

test.each<[number, Record<string, number>, string]>([
  [8, { I64: 2, BOOL: 1 }, "(1.5 MB in bf16); 3 tensors stayed as they were (2 I64, 1 BOOL)"],
  [8, { I64: 1 }, "(1.5 MB in bf16); 1 tensor stayed as it was (1 I64)"],
  [0, { I8: 3 }, "(1.5 MB). Nothing in it is in bf16: all 3 tensors stayed as they were (3 I8); only floats of 16 bits and more are converted"],
  [0, { F8_E4M3: 1 }, "(1.5 MB). Nothing in it is in bf16: its only tensor stayed as it was (1 F8_E4M3); only floats of 16 bits and more are converted"],
])("what stayed in another type is said: %i converted, and %o", async (converted, kept, said) => {
  expect((await exportedWith(converted, kept, ["--weights", "a.pth", "--out", "x.safetensors"])).out).toBe(`Weights: x.safetensors ${said}\n`);
});

describe.each([
  ["exportWeights", ["export", "--weights", "a.pth", "--out", "x.safetensors"], { path: "/nowhere/x.safetensors", bytes: 1.5e6, converted: 8, kept: {} }],
  [
    "exportModel",
    ["export", "--run", "a", "--out", "x.safetensors"],
    { path: "/nowhere/x.safetensors", bytes: 2e6, model: "m", weights: "w", testAccuracy: null },
  ],
  ["report", ["report", "--runs", "a", "--out", "x.html"], { path: "/nowhere/x.html" }],
] as const)("where %s is interrupted", (method, args, result) => {
  /** `end`: what the engine makes of it. */
  async function interruptedBy(end: (resolve: (result: unknown) => void, reject: (error: Error) => void) => void) {
    let stop = () => {};
    let hands: Parameters<NonNullable<RunOptions["during"]>>[0];
    const handlers = {
      [method]: () => {
        const answer = new Promise((resolve, reject) => {
          stop = () => end(resolve, reject);
        });
        hands.interrupt();
        return answer;
      },
      stopWriting: () => stop(),
    };
    const { status, out, err, calls } = await runWith(handlers, args, {
      during: (given) => {
        hands = given;
      },
    });
    expect(calls.map((call) => call.method)).toEqual([method, "stopWriting"]);
    return { status, out, err };
  }

  test("nothing is there, and that is said", async () => {
    const { status, out, err } = await interruptedBy((_, reject) => reject(new Interrupted("stopped on request: nothing was written")));
    expect([status, out]).toEqual([130, ""]);
    expect(err).toMatch(/Stopping\. Interrupt once more to stop at once\..*interrupted: stopped on request: nothing was written/s);
  });

  test("or it is there, and that is said", async () => {
    const { status, out } = await interruptedBy((resolve) => resolve(result));
    expect([status, out]).toEqual([0, expect.stringMatching(/^(Weights|Model|Report): x\./)]);
  });
});

describe("of a run", () => {
  const model = (...args: string[]) =>
    runWith({ exportModel: ({ out }) => ({ path: out, bytes: 2.5e6, model: "vit_micro_patch4_32", weights: "w", testAccuracy: 0.419 }) }, ["export", ...args]);

  test("its student is exported to a new file named like the run, and its accuracy is said", async () => {
    const { out, calls } = await model("--run", "runs/demo", "--seed", "2", "--weights-of", "best", "--precision", "fp32", "--debug");
    const path = "/nowhere/demo-2026-11-24-120000.safetensors";
    const source = { run: "/nowhere/runs/demo", seed: 2, weightsOf: "best" };
    expect(calls).toEqual([{ method: "exportModel", params: { source, format: "safetensors", options: { precision: "fp32" }, out: path } }]);
    expect(out).toBe("Model: demo-2026-11-24-120000.safetensors (vit_micro_patch4_32, 2.5 MB, 41.9 % of the test images right)\n");
  });

  test("weights of a named model are exported as a model", async () => {
    const { calls } = await model("--weights", "a.pth", "--model", "resnet18", "--out", "x.safetensors");
    expect(calls).toEqual([
      {
        method: "exportModel",
        params: { source: { weights: "/nowhere/a.pth", model: "resnet18" }, format: "safetensors", options: {}, out: "/nowhere/x.safetensors" },
      },
    ]);
  });

  test.each([
    [[], "expected --run, the folder of a run, or --weights"],
    [["--run", "a", "--weights", "b"], "and not both"],
    [["--run", "a", "--model", "resnet18"], "--model does not go with --run"],
    [["--weights", "a", "--weights-of", "best"], "--weights-of does not go with --weights"],
    [["--run", "a", "--weights-of", "first"], "Allowed choices are last, best, ema"],
    [["--run", "a", "--format", "keras"], "argument 'keras' is invalid. Allowed choices are timm"],
    [["--run", "a", "--out", "x.onnx"], "--format safetensors writes a file whose name ends with .safetensors: name it x.safetensors"],
  ])("%j is refused", async (args, words) => {
    const { status, err, calls } = await model(...args);
    expect([status, calls]).toEqual([2, []]);
    expect(err).toContain(words);
  });
});
