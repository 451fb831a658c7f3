import { expect, test } from "vitest";
import { runWith } from "../fake-engine";

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
  expect(refused.err).toContain("--out there/x.pth: a safetensors file is written: name it x.safetensors");
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
