import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it, test } from "vitest";
import { gridStagesOf, imageSizeOf, modelNames, patchSizeOf, stagesOf } from "../../src-main/contract/families";

test("a model's sizes are those of its entry", () => {
  expect([imageSizeOf("resnet18_cifar10"), patchSizeOf("resnet18_cifar10")]).toEqual([32, null]);
  expect([imageSizeOf("resnet18"), patchSizeOf("resnet18")]).toEqual([224, null]);
  expect([imageSizeOf("vit_tiny_patch16_224"), patchSizeOf("vit_tiny_patch16_224")]).toEqual([224, 16]);
});

test("an unlisted name has no size, whatever it ends in", () => {
  expect(() => imageSizeOf("squeezenet_100")).toThrow('unknown model "squeezenet_100"; expected one of resnet18, ');
  expect(() => imageSizeOf("resnet18_cifar")).toThrow("did you mean resnet18_cifar10?");
});

test("names are unique", () => expect(new Set(modelNames).size).toBe(modelNames.length));

describe("stages", () => {
  it("are at the model's own size, or at another", () => {
    expect(gridStagesOf("resnet18").map((stage) => [stage.name, stage.side])).toEqual([
      ["stem", 112],
      ["layer1", 56],
      ["layer2", 28],
      ["layer3", 14],
      ["layer4", 7],
    ]);
    expect(stagesOf("resnet20_cifar10", { imageSize: 24 }).at(-1)).toEqual({ name: "layer3", kind: "map", side: 6, channels: 64 });
    expect(stagesOf("vit_micro_patch4_32", { patchSize: 8 }).at(-1)).toEqual({ name: "block5", kind: "tokens", side: 4, prefix: 1, width: 128 });
  });
});

test("only a family's own file knows the names of its weights", () => {
  const root = path.resolve(__dirname, "..", "..");
  const sources = ["src-main", "src-renderer"].flatMap((folder) =>
    readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" }).map((file) => path.join(folder, file)),
  );
  const knowing = sources.filter(
    (file) => /\.(ts|svelte)$/.test(file) && /pos_embed|cls_token|dist_token|\b(fc|head)\.weight/.test(readFileSync(path.join(root, file), "utf8")),
  );
  expect(knowing.sort()).toEqual([
    "src-main/models/convnext.ts",
    "src-main/models/deit.ts",
    "src-main/models/dinov2.ts",
    "src-main/models/resnet.ts",
    "src-main/models/vit.ts",
  ]);
});
