// What a model card says to the hub: which data, how good on how many of their images, and what the model was made of.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseRecipe } from "../../src-main/contract/parse-recipe";
import { CLASSES_10, FINE_CLASSES } from "../../src-main/data/formats/cifar/published";
import type { Exported } from "../../src-main/export/exported";
import { frontMatter } from "../../src-main/export/timm/front-matter";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "card-"));
  for (const split of ["train", "test"])
    for (const label of ["cat", "dog"]) {
      mkdirSync(join(folder, 'my: "pets" #1', split, label), { recursive: true });
      writeFileSync(join(folder, 'my: "pets" #1', split, label, "0.png"), "");
    }
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Given {
  data?: object;
  classes?: readonly string[];
  testImages?: number | null;
  testAccuracy?: number | null;
  weights?: string | null;
}

function headOf({ data = { path: "bundled" }, classes = CLASSES_10, testImages = 1000, testAccuracy = 0.4191, weights = null }: Given): string[] {
  const student = { model: "resnet18_cifar10", weights };
  const recipe = parseRecipe({
    name: "a",
    data,
    student,
    teacher: { model: "resnet18_cifar10", weights: "bundled" },
    distillation: { temperature: 2, alpha: 0.5 },
  });
  return frontMatter({ run: { header: { recipe }, testAccuracy, testImages }, made: null, classes } as unknown as Exported, 'said "so": #1');
}

test("of the bundled images, that they are a part of CIFAR-10's", () => {
  expect(headOf({})).toEqual([
    "---",
    "library_name: timm",
    "pipeline_tag: image-classification",
    ...["tags:", "- image-classification", "- timm", "- transformers", "- knowledge-distillation"],
    ...["datasets:", "- uoft-cs/cifar10"],
    ...["metrics:", "- accuracy"],
    "model-index:",
    '- name: "said \\"so\\": #1"',
    "  results:",
    "  - task:",
    "      type: image-classification",
    "      name: Image Classification",
    "    dataset:",
    "      type: uoft-cs/cifar10",
    '      name: "CIFAR-10 (1,000 of its test images)"',
    "      split: test",
    "    metrics:",
    "    - type: accuracy",
    "      value: 0.4191",
    "      name: Accuracy",
    "---",
    "",
  ]);
});

test.each<[string, Given, string[], string[]]>([
  ["all test images", { testImages: 10_000 }, ['      name: "CIFAR-10"'], []],
  [
    "CIFAR-100",
    { data: { path: "gone", format: "cifar100-binary" }, classes: FINE_CLASSES },
    ["- uoft-cs/cifar100", '      name: "CIFAR-100 (1,000 of its test images)"'],
    [],
  ],
  ["a run that was not tested", { testAccuracy: null }, ["- uoft-cs/cifar10"], ["model-index:", "metrics:"]],
  ["data that are gone", { data: { path: "/gone" } }, [], ["datasets:", "model-index:"]],
  ["other classes in CIFAR's format", { data: { path: "gone", format: "cifar10-binary" }, classes: ["a", "b"] }, [], ["datasets:", "model-index:"]],
  ["weights of the hub", { weights: "hf:timm/resnet18.a1_in1k@main" }, ["base_model: timm/resnet18.a1_in1k"], []],
  ["weights of a file", { weights: "/home/me/secret.pth" }, [], ["base_model: /home/me/secret.pth"]],
])("%s", (_, given, has, lacks) => {
  const lines = headOf(given);
  expect(lines).toEqual(expect.arrayContaining(has));
  for (const line of lacks) expect(lines).not.toContain(line);
});

test("of one's own images, the folder's last name", () => {
  const lines = headOf({ data: { path: join(folder, 'my: "pets" #1') }, classes: ["cat", "dog"], testImages: 2 });
  expect(lines).toEqual(expect.arrayContaining(["      type: imagefolder", '      name: "my: \\"pets\\" #1 (2 test images)"']));
  expect(lines.join("\n")).not.toContain(folder);
  expect(lines).not.toContain("datasets:");
});
