// PyTorch files: this program takes them back, and PyTorch loads them with weights_only, which calls nothing.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { checksumBy, crc32 } from "../../src-main/disk/crc32";
import { writeTorchFile } from "../../src-main/export/torch/file";
import { withWeights } from "../../src-main/models/open-weights";
import { hashWeights } from "../../src-main/models/weights";
import { useBackend } from "../../src-main/tensor/tensor";
import { loadNetwork } from "../../src-main/training/network";
import { noPython, python } from "../python";
import { formulaModel } from "../reference/models";

useBackend(loadAddon());
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "torch-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const normalization = { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] };

async function written(name: string, sizes: { imageSize: number; patchSize: number | null }) {
  const model = formulaModel(name, sizes).eval();
  const hash = hashWeights(model);
  const network = { model, normalization, assumption: null, notes: [], origin: null, hash, classes: null, trainedAt: null };
  const out = join(folder, "student.pth");
  const said = await writeTorchFile({ network, classes: [], file: "", run: null, made: null }, out, {}, { notify() {}, yieldPoint: async () => {} });
  const names = [...model.weights().keys()];
  model.release();
  return { out, hash, names, said };
}

test.each([
  ["resnet20_cifar10", { imageSize: 32, patchSize: null }],
  ["vit_micro_patch4_32", { imageSize: 32, patchSize: 8 }],
] as const)("%s is taken back, and what a state dict does not say is said", async (model, sizes) => {
  const { out, hash, names, said } = await written(model, sizes);
  const back = loadNetwork({ model, weights: out, imageSize: 32 });
  expect([back.hash, back.classes]).toEqual([hash, null]);
  back.model.release();
  const counters = names.filter((name) => name.endsWith("running_var")).map((name) => name.replace("running_var", "num_batches_tracked"));
  expect(withWeights(out, ({ header }) => [...header.tensors.keys()].sort())).toEqual([...names, ...counters].sort());
  expect(said).toEqual({ notes: [expect.stringMatching(/the names of the classes, the normalisation and the architecture are not in it/)], warnings: [] });
});

test("the checksum is that of zip archives", () => {
  for (const checksum of [crc32, checksumBy(0xedb88320)]) expect(checksum(Buffer.from("123456789"))).toBe(0xcbf43926);
});

const missing = noPython("torch");

test("PyTorch loads it, and its values are ours", async ({ skip }) => {
  if (missing) skip(missing);
  const { out, names } = await written("resnet20_cifar10", { imageSize: 32, patchSize: null });
  const script = `
import sys, torch
from formula import weight
state = torch.load(sys.argv[1], weights_only=True)
for name, value in state.items():
    if name.endswith("num_batches_tracked"): assert value.dtype == torch.int64 and value.shape == () and value == 0, name
    else: assert torch.equal(value, weight(name, value.shape)), name
torch.load(sys.argv[1], weights_only=True, mmap=True)
print(type(state).__name__, len(state))
`;
  const env = { ...process.env, PYTHONPATH: join(import.meta.dirname, "../reference") };
  const { stdout, stderr } = spawnSync(python, ["-c", script, out], { encoding: "utf8", env });
  const norms = names.filter((name) => name.endsWith("running_var")).length;
  expect([stdout.trim(), stderr]).toEqual([`OrderedDict ${names.length + norms}`, ""]);
});
