/** The head of README.md, which the hub shows and searches: https://github.com/huggingface/hub-docs/blob/main/modelcard.md. No licence, as nobody has chosen one. */
import { isHubPath, parseHubPath } from "../../contract/hub-path";
import type { DataSource } from "../../contract/recipe";
import { visible } from "../../contract/visible";
import { CLASSES_10, COARSE_CLASSES, FINE_CLASSES } from "../../data/formats/cifar/published";
import { locate } from "../../data/locate";
import type { Exported } from "../exported";
import { lastName } from "./last-name";

export function frontMatter(exported: Exported, title: string): string[] {
  const { run, made } = exported;
  const tags = ["image-classification", "timm", "transformers", ...(run?.header.recipe.distillation ? ["knowledge-distillation"] : [])];
  const data = run?.header.recipe.data ?? made?.source;
  const known = data ? knownData(data, exported.classes) : null;
  const base = run ? run.header.recipe.student.weights : made?.backbone.weights;
  return [
    "---",
    "library_name: timm",
    "pipeline_tag: image-classification",
    ...list("tags", tags),
    ...(known?.id ? list("datasets", [known.id]) : []),
    ...(base && isHubPath(base) ? [`base_model: ${parseHubPath(base).repository}`] : []),
    ...(known ? results(exported, title, known) : []),
    "---",
    "",
  ];
}

const list = (key: string, values: readonly string[]): string[] => [`${key}:`, ...values.map((value) => `- ${value}`)];

/** What was measured on test images. */
function results({ run, made }: Exported, title: string, { id, name, testImages }: KnownData): string[] {
  const accuracy = run ? run.testAccuracy : made?.test.accuracy;
  const images = run ? run.testImages : made?.images.test;
  if (accuracy == null || images == null) return [];
  const part = images === testImages ? name : `${name} (${images.toLocaleString("en")}${testImages === null ? "" : " of its"} test images)`;
  return [
    ...list("metrics", ["accuracy"]),
    "model-index:",
    `- name: ${text(title)}`,
    "  results:",
    "  - task:",
    "      type: image-classification",
    "      name: Image Classification",
    "    dataset:",
    `      type: ${id ?? "imagefolder"}`,
    `      name: ${text(part)}`,
    "      split: test",
    "    metrics:",
    "    - type: accuracy",
    `      value: ${Number(accuracy.toFixed(6))}`,
    "      name: Accuracy",
  ];
}

/** In YAML, as in JSON. */
const text = (value: string) => JSON.stringify(visible(value));

interface KnownData {
  /** On the hub; null of data of one's own. */
  id: string | null;
  name: string;
  /** How many were published; null of data of one's own. */
  testImages: number | null;
}

const published = [
  { id: "uoft-cs/cifar10", name: "CIFAR-10", testImages: 10_000, classes: CLASSES_10 },
  { id: "uoft-cs/cifar100", name: "CIFAR-100", testImages: 10_000, classes: FINE_CLASSES },
  { id: "uoft-cs/cifar100", name: "CIFAR-100 with its 20 coarse labels", testImages: 10_000, classes: COARSE_CLASSES },
];

/** Null where nobody can tell any more. */
function knownData({ path, format }: DataSource, classes: readonly string[]): KnownData | null {
  const stored = formatOf(path, format);
  if (stored === null) return null;
  if (stored === "image-folder") return { id: null, name: lastName(path), testImages: null };
  return published.find((each) => each.classes.length === classes.length && each.classes.every((name, label) => name === classes[label])) ?? null;
}

function formatOf(path: string, format: DataSource["format"]) {
  if (format !== "auto") return format;
  try {
    return locate(path, format).format;
  } catch {
    return null;
  }
}
