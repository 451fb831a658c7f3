import { expect, test } from "vitest";
import { runWith } from "../fake-engine";

const exported = (...args: string[]) => runWith({ exportWeights: ({ out }) => ({ path: out, bytes: 1.5e6 }) }, ["export", ...args]);

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
