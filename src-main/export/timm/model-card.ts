import packageJson from "../../../package.json";
import { type WeightsOf, weightsOfRun } from "../../contract/exports";
import { familyOf, modelNamed } from "../../contract/families";
import type { FittedTeacher } from "../../contract/fitted-teacher";
import { pathsOf, resolvePaths, teachersOf } from "../../contract/recipe-values";
import { visible, visibleJson } from "../../contract/visible";
import { comparedWith, type TrainedRun } from "../../runs/trained";
import type { Exported } from "../exported";
import type { TimmModel } from "./architectures";
import { frontMatter } from "./front-matter";
import { lastName } from "./last-name";

/** README.md of the folder: how to use it, what it was trained on and how, and what it reached. */
export function modelCard(exported: Exported, timm: TimmModel): string {
  const { run, made } = exported;
  const title = run?.header.recipe.name ?? exported.network.model.name;
  return [
    frontMatter(exported, title),
    [`# ${heading(title)}`, "", described(exported), ""],
    ["## Use", "", ...usage(exported.network.model.name, timm), ""],
    ...(run ? [["## Figures", "", ...figures(run), ""]] : []),
    ...(made ? [["## Figures", "", ...figuresOfMade(made), ""]] : []),
    ["## Images", "", ...images(exported), ""],
    ["## Classes", "", "In the order of the logits:", "", ...json(exported.classes), ""],
    ...(run ? [["## Recipe", "", ...recipe(run), ""]] : []),
    ["## Licence", "", `Not chosen yet: it is yours to choose, as far as the licences of ${learnedFrom(exported)} allow.`, ""],
  ]
    .flat()
    .join("\n");
}

function described({ network: { model }, run, made }: Exported): string {
  const { description } = modelNamed(model.name);
  const size = `${model.sizes.patchSize === null ? "" : `, patches of ${model.sizes.patchSize} px`}`;
  const what = `${description} (\`${model.name}\`, ${familyOf(model.name).paper}): ${model.parameterCount().toLocaleString("en")} trained values, images of ${model.imageSize} px${size}, ${model.classes} classes.`;
  return `${what} Trained by Distill Studio ${packageJson.version}${run ? teachersInWords(run) : ""}${made ? `: ${partsInWords(made)} on ${backboneInWords(made)}, fitted to ${made.images.train.toLocaleString("en")} images` : ""}.`;
}

const partsInWords = ({ fineTuning }: FittedTeacher) => (fineTuning ? "a last layer, and then more of the network," : "a last layer");

/** Of a teacher, with the licence where it is known. */
function backboneInWords({ backbone: { weights } }: FittedTeacher): string {
  if (weights === "bundled") return "EfficientNet-Lite0 with weights of ImageNet (Apache-2.0)";
  return `the backbone \`${visible(weights.startsWith("hf:") ? weights : lastName(weights))}\``;
}

function figuresOfMade({ test, images }: FittedTeacher): string[] {
  return [
    "| | |",
    "| --- | --- |",
    `| accuracy on the test images | ${(100 * test.accuracy).toFixed(1)} % of ${images.test.toLocaleString("en")} test images |`,
  ];
}

function teachersInWords({ header: { recipe } }: TrainedRun): string {
  const teachers = recipe.distillation ? teachersOf(recipe).map(({ model }) => model) : [];
  return teachers.length === 0 ? " on labels alone" : `, with ${teachers.join(" and ")} as its ${teachers.length === 1 ? "teacher" : "teachers"}`;
}

/** What else has a licence. */
function learnedFrom({ run, made }: Exported): string {
  if (made) return `the images and of ${backboneInWords(made)}`;
  if (!run) return "what it learned from";
  const { recipe } = run.header;
  const others = [recipe.distillation ? "of the teacher's weights" : [], recipe.student.weights !== null ? "of the weights that it began with" : []].flat();
  return ["the images", ...others].join(" and ");
}

function usage(model: string, { isOwn }: TimmModel): string[] {
  const register = ['import sys; sys.path.insert(0, "FOLDER")', "import distill_models  # registers the model, which timm does not have"];
  return [
    "`FOLDER` is the path of this folder.",
    "",
    "```python",
    ...(isOwn ? register : []),
    "import timm",
    "from PIL import Image",
    "",
    'model = timm.create_model("local-dir:FOLDER", pretrained=True).eval()',
    "transform = timm.data.create_transform(**timm.data.resolve_model_data_config(model), is_training=False)",
    'print(model.pretrained_cfg["label_names"][model(transform(Image.open("image.jpg").convert("RGB"))[None]).argmax()])',
    "```",
    "",
    `Or with transformers${isOwn ? ", after the first two lines" : ""}:`,
    "",
    "```python",
    "from transformers import pipeline",
    "",
    'print(pipeline("image-classification", model="FOLDER")("image.jpg"))',
    "```",
    "",
    `Or in Distill Studio: \`distill predict --model ${model} --weights FOLDER image.jpg\`.`,
  ];
}

function figures(run: TrainedRun): string[] {
  const { testAccuracy, testImages, epoch, weightsOf, header } = run;
  const { beside, seeds } = comparedWith(run);
  const percent = (fraction: number | null) => (fraction === null ? "not measured" : `${(100 * fraction).toFixed(1)} %`);
  // Beside others, each row says so where it is not of the same kind of weights.
  const reached = (other: { accuracy: number | null; weightsOf: WeightsOf }) =>
    `${percent(other.accuracy)}${other.weightsOf === weightsOf || other.accuracy === null ? "" : ` (${weightsOfRun[other.weightsOf]})`}`;
  const tested = testAccuracy !== null && testImages !== null ? ` of ${testImages.toLocaleString("en")} test images` : "";
  const { teacherTestAcc, recipe } = header;
  return [
    "| | |",
    "| --- | --- |",
    `| weights | ${weightsOfRun[weightsOf]}${epoch === null ? "" : ` (${epoch} of ${header.epochs ?? recipe.train.epochs})`} |`,
    `| accuracy on the test images | ${percent(testAccuracy)}${tested} |`,
    ...(recipe.distillation ? [`| ${teachersOf(recipe).length > 1 ? "the first teacher's" : "the teacher's"} | ${percent(teacherTestAcc)} |`] : []),
    ...beside.map((other) => `| ${other.words} | ${reached(other)} |`),
    `| seed | ${header.seed} |`,
    ...(seeds.length > 1 ? [`| all seeds of the comparison | ${seeds.map((other) => `${other.seed}: ${reached(other)}`).join(", ")} |`] : []),
  ];
}

function images({ network: { model, normalization } }: Exported): string[] {
  const values = (numbers: readonly number[]) => numbers.join(", ");
  return [
    `Resized until the shorter side has ${model.imageSize} px (bilinear, antialiased), cropped to the centre, and normalised: values in 0 ... 1, mean ${values(normalization.mean)}, deviation ${values(normalization.std)} (red, green, blue). timm's transform gives the same pixels, within one grey level of 255; Distill Studio also turns pictures by their EXIF orientation, puts transparent ones on white, reads grey ones of 16 bits as they look, and decodes fewer pixels of JPEGs that are many times larger.`,
  ];
}

/** Paths of this computer are nobody else's business: their last names stay. */
function recipe({ header }: TrainedRun): string[] {
  const shown = resolvePaths(header.recipe, lastName);
  const shortened = pathsOf(header.recipe).length > 0 ? " Of files and folders, only the names are kept." : "";
  return [`The recipe of this run, which \`distill train --recipe\` takes.${shortened}`, "", ...json(shown)];
}

const json = (value: unknown): string[] => ["```json", visibleJson(value), "```"];

/** Nothing in it is markup. */
const heading = (text: string) => visible(text).replace(/[\\`*_[\]<>#|]/g, "\\$&");
