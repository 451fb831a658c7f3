// Files that people have in place of weights are called what they are, with what to do.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { InputError } from "../../src-main/contract/failure";
import { createModel } from "../../src-main/models/registry";
import { saveWeights } from "../../src-main/models/weights";
import { useBackend } from "../../src-main/tensor/tensor";
import { loadNetwork } from "../../src-main/training/network";

useBackend(loadAddon());
const folder = mkdtempSync(join(tmpdir(), "content-"));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;

function named(content: Uint8Array | string, name = "weights.safetensors"): string {
  const path = join(folder, `${files++}-${name}`);
  writeFileSync(path, content);
  return path;
}

const bytes = (text: string) => Buffer.from(text, "latin1");

test.each<[string, Uint8Array | string, RegExp]>([
  ["nothing", "", /the file is empty \(0 bytes\): a copy or a download failed/],
  [
    "a Git LFS pointer",
    `version https://git-lfs.github.com/spec/v1\noid sha256:${"a".repeat(64)}\nsize 46807446\n`,
    /is a Git LFS pointer, .*: run git lfs pull/,
  ],
  ["a web page", "<!DOCTYPE html><html>Access denied</html>", /is a web page, not weights: .*; open it in a browser/],
  ["another web page", "\n\n  <html><head>", /is a web page/],
  ["JSON", '{"metadata": {"total_size": 1}, "weight_map": {}}', /is a JSON text, not weights: perhaps the index/],
  ["GGUF", bytes("GGUF\x03\0\0\0"), /is a GGUF or GGML file/],
  ["HDF5", bytes("\x89HDF\r\n\x1a\n\0\0"), /is an HDF5 file, as Keras writes them/],
  ["ONNX", bytes("\x08\x08\x12\x07pytorch\x1a\x05"), /is an ONNX file/],
  ["TensorFlow Lite", bytes("\x1c\0\0\0TFL3"), /is a TensorFlow Lite file/],
  ["NumPy", bytes("\x93NUMPY\x01\0"), /is an array of NumPy/],
  ["gzip", gzipSync("x"), /is a compressed archive: unpack it/],
  ["a tar archive", bytes(`${"\0".repeat(257)}ustar${"\0".repeat(250)}`), /is a tar archive: unpack it/],
  ["a picture", bytes("\x89PNG\r\n\x1a\n"), /is a picture, not weights/],
  ["text", "these are not weights at all", /the file is a text, not weights: name a file of weights/],
])("%s", (_, content, message) => {
  const path = named(content);
  const load = () => loadNetwork({ model: "resnet20_cifar10", weights: path });
  expect(load).toThrow(InputError);
  expect(load).toThrow(message);
  expect(load).toThrow(path);
});

test("a pickle under the name of safetensors, and safetensors under the name of a pickle, are read", () => {
  const zip = named(readFileSync(join(import.meta.dirname, "torch-files", "ordered.pth")));
  expect(() => loadNetwork({ model: "resnet20_cifar10", weights: zip })).toThrow(/do not fit resnet20_cifar10: tensor "conv1\.weight"/);
  const model = createModel("resnet20_cifar10", { classes: 2 });
  const path = join(folder, "own.pth");
  saveWeights(model, path, { classes: ["a", "b"], mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] });
  model.release();
  const network = loadNetwork({ model: "resnet20_cifar10", weights: path });
  expect(network.classes).toEqual(["a", "b"]);
  network.model.release();
});

test("a folder", () => {
  expect(() => loadNetwork({ model: "resnet20_cifar10", weights: folder })).toThrow(
    /expected a file of weights, or the folder of a teacher or of a run; got another folder/,
  );
});
