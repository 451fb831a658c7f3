import { expect, test } from "vitest";
import { hubEndpoint, isExactOf, typedHubPath } from "../../src-main/contract/hub-path";

const COMMIT = "0123456789abcdef0123456789abcdef01234567";

test.each([
  ["timm/resnet18.a1_in1k", "hf:timm/resnet18.a1_in1k"],
  ["  hf:timm/resnet18.a1_in1k\n", "hf:timm/resnet18.a1_in1k"],
  ["https://huggingface.co/timm/resnet18.a1_in1k", "hf:timm/resnet18.a1_in1k"],
  ["huggingface.co/timm/resnet18.a1_in1k/", "hf:timm/resnet18.a1_in1k"],
  ["https://huggingface.co/timm/resnet18.a1_in1k?library=timm#usage", "hf:timm/resnet18.a1_in1k"],
  ["https://huggingface.co/timm/resnet18.a1_in1k/tree/main", "hf:timm/resnet18.a1_in1k"],
  ["https://huggingface.co/o/m/blob/v1/folder/model.safetensors", "hf:o/m@v1/folder/model.safetensors"],
  ["https://huggingface.co/o/m/resolve/refs%2Fpr%2F1/x.pth?download=true", "hf:o/m@refs%2Fpr%2F1/x.pth"],
  [`hf:o/m@${COMMIT}/model.safetensors`, `hf:o/m@${COMMIT}/model.safetensors`],
  ["o/m/pytorch_model.bin", "hf:o/m@main/pytorch_model.bin"],
  ["http://mirror:8080/o/m", "hf:o/m"],
])("what is typed or pasted is a path on the hub: %s", (typed, path) => {
  expect(typedHubPath(typed, "http://mirror:8080")).toBe(path);
});

test.each([
  "resnet18",
  "",
  "https://example.com/o/m",
  "//o/m",
  "https://huggingface.co/o",
  "o/m@",
  "file:///etc/passwd",
  "o m/x",
  "../../x",
  "o/m/../../x",
  "hf:hf:o/m",
  "o/m\nx/y",
])("what names no model is refused, with what is expected: %j", (typed) => {
  expect(() => typedHubPath(typed)).toThrow(/expected (owner\/name, as in timm\/resnet18\.a1_in1k|hf:owner\/name)/);
});

test("a file of a commit belongs to the model of its name alone", () => {
  const exact = `hf:o/m@${COMMIT}/model.safetensors`;
  expect(["hf:o/m", "hf:o/m@v1", exact, "hf:o/n", "hf:p/m"].map((model) => isExactOf(exact, model))).toEqual([true, true, true, false, false]);
  for (const path of ["hf:o/m", "hf:o/m@main/model.safetensors", `hf:o/m@${COMMIT}`, `/o/m@${COMMIT}/x`]) expect(isExactOf(path, "hf:o/m"), path).toBe(false);
});

test("the address of the hub is HF_ENDPOINT", () => {
  expect([{}, { HF_ENDPOINT: "" }, { HF_ENDPOINT: "https://mirror//" }].map(hubEndpoint)).toEqual([
    "https://huggingface.co",
    "https://huggingface.co",
    "https://mirror",
  ]);
});
