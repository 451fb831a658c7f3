/**
 * The one table of a recipe's settings. Defaults, checks, `--set` values and the form fields of the app derive from it; the compiler
 * holds it to the type `Recipe`, key by key.
 */
import { dataFormatChoices } from "./data-formats";
import type { Recipe, TrainSettings } from "./recipe";

type Leaf = string | number | boolean;
type KeyPath<T, Prefix extends string = ""> = {
  [K in keyof T & string]: NonNullable<T[K]> extends Leaf ? `${Prefix}${K}` : KeyPath<NonNullable<T[K]>, `${Prefix}${K}.`>;
}[keyof T & string];
type ValueAt<T, Path extends string> = Path extends `${infer Head}.${infer Rest}`
  ? Head extends keyof T
    ? ValueAt<NonNullable<T[Head]>, Rest>
    : never
  : Path extends keyof T
    ? T[Path]
    : never;

/** Path of a value in a recipe: "train.epochs". The control's overrides have the keys of `train`. */
export type SettingKey = Exclude<KeyPath<Omit<Recipe, "version">>, `control.${string}`>;
export type SettingValue = Leaf | null;

interface Described {
  label: string;
  /** One sentence. */
  help: string;
  unit?: string;
  /** Where the setting has an effect; always, if left out. */
  applies?: { text: string; to: (recipe: Recipe) => boolean };
  /** May be null. */
  nullable?: boolean;
}
interface NumberKind {
  kind: "integer" | "number";
  min: number;
  max: number;
}
interface ChoiceKind<V> {
  kind: "choice";
  choices: readonly { value: V; label: string }[];
}
interface FlagKind {
  kind: "flag";
}
interface TextKind {
  /** model: a name of the registry; folder, file: a path, or one of the `words`. */
  kind: "text" | "model" | "folder" | "file";
  words?: readonly string[];
}
type KindOf<V> = [V] extends [boolean] ? FlagKind : [V] extends [number] ? NumberKind : string extends V ? TextKind : ChoiceKind<V>;

/** A default is a value, a rule that takes it from the group's `model`, or nothing where the recipe must name it. */
type DefaultOf<V> = { default: V } | { defaultOf: (model: string) => V } | { required: true };

type SettingOf<V> = Described & DefaultOf<V> & KindOf<NonNullable<V>>;
type SettingTable = { readonly [Key in SettingKey]: SettingOf<ValueAt<Recipe, Key>> };

/** A row of the table, whatever its value's type. */
export type Setting = Described & DefaultOf<SettingValue> & (NumberKind | ChoiceKind<string> | FlagKind | TextKind);

const vitOnly = {
  text: "vision transformers",
  to: ({ student }: Recipe) => patchSizeOf(student.model) !== null,
};
const sgdOnly = { text: "the optimizer sgd", to: ({ train }: Recipe) => train.optimizer === "sgd" };

export const settings: SettingTable = {
  name: { kind: "text", default: "run", label: "Name", help: "Shown in lists and reports." },

  "data.path": { kind: "folder", words: ["bundled"], required: true, label: "Data", help: "A folder of images, or the bundled CIFAR-10 sample." },
  "data.format": {
    kind: "choice",
    choices: dataFormatChoices,
    default: "auto",
    label: "Format",
    help: "How the images are stored.",
  },
  "data.trainLimit": {
    kind: "integer",
    min: 1,
    max: 100_000_000,
    nullable: true,
    default: null,
    label: "Training images",
    unit: "images",
    help: "Takes only the first so many training images; null takes all.",
  },
  "data.testLimit": {
    kind: "integer",
    min: 1,
    max: 100_000_000,
    nullable: true,
    default: null,
    label: "Test images",
    unit: "images",
    help: "Takes only the first so many test images; null takes all.",
  },

  "teacher.model": { kind: "model", default: "resnet18_cifar10", label: "Teacher", help: "The model whose soft labels the student learns from." },
  "teacher.weights": { kind: "file", words: ["bundled"], default: "bundled", label: "Teacher's weights", help: "A safetensors file, or the bundled weights." },
  "teacher.imageSize": {
    kind: "integer",
    min: 8,
    max: 1024,
    defaultOf: imageSizeOf,
    label: "Teacher's image size",
    unit: "px",
    help: "Side of the images that the teacher sees; it should be the size that it was trained at.",
  },

  "student.model": { kind: "model", required: true, label: "Student", help: "The model to train." },
  "student.imageSize": {
    kind: "integer",
    min: 8,
    max: 1024,
    defaultOf: imageSizeOf,
    label: "Student's image size",
    unit: "px",
    help: "Side of the images that the student sees; images of another size are resized.",
  },
  "student.patchSize": {
    kind: "integer",
    min: 1,
    max: 256,
    nullable: true,
    default: null,
    applies: vitOnly,
    label: "Patch size",
    unit: "px",
    help: "Side of a patch; must divide the image size; null takes the model's own.",
  },
  "student.weights": {
    kind: "file",
    nullable: true,
    default: null,
    label: "Student's first weights",
    help: "A safetensors file to start from, head included; null starts fresh from the seed.",
  },

  "train.epochs": { kind: "integer", min: 1, max: 10_000, default: 5, label: "Epochs", help: "How often every training image is seen." },
  "train.batchSize": { kind: "integer", min: 1, max: 8192, default: 128, label: "Batch size", unit: "images", help: "Images per step of the optimizer." },
  "train.optimizer": {
    kind: "choice",
    choices: [
      { value: "adamw", label: "AdamW" },
      { value: "sgd", label: "SGD with momentum" },
    ],
    default: "adamw",
    label: "Optimizer",
    help: "How gradients change the weights.",
  },
  "train.learningRate": { kind: "number", min: 1e-8, max: 10, default: 1e-4, label: "Learning rate", help: "Step size at the schedule's highest point." },
  "train.weightDecay": { kind: "number", min: 0, max: 10, default: 0.01, label: "Weight decay", help: "Pulls weights towards zero; decoupled with AdamW." },
  "train.decay": {
    kind: "choice",
    choices: [
      { value: "all", label: "All parameters" },
      { value: "matrices", label: "Matrices only" },
    ],
    default: "all",
    label: "Decay of",
    help: "Matrices only leaves out biases, norms, positions and tokens.",
  },
  "train.momentum": { kind: "number", min: 0, max: 0.9999, default: 0.9, applies: sgdOnly, label: "Momentum", help: "Share of the last step that is kept." },
  "train.nesterov": { kind: "flag", default: false, applies: sgdOnly, label: "Nesterov", help: "Looks ahead along the momentum." },
  "train.schedule": {
    kind: "choice",
    choices: [
      { value: "cosine-epoch", label: "Cosine, stepped per epoch" },
      { value: "cosine-step", label: "Cosine, stepped per batch" },
      { value: "constant", label: "Constant" },
    ],
    default: "cosine-epoch",
    label: "Schedule",
    help: "How the learning rate falls; cosine ends at 0.",
  },
  "train.warmupEpochs": {
    kind: "number",
    min: 0,
    max: 10_000,
    default: 0,
    label: "Warm-up",
    unit: "epochs",
    help: "Linear rise to the learning rate at the start.",
  },
  "train.shuffle": { kind: "flag", default: true, label: "Shuffle", help: "A new order of the training images in every epoch, from the seed." },
  "train.precision": {
    kind: "choice",
    choices: [
      { value: "fp32", label: "32-bit" },
      { value: "bf16", label: "16-bit (bf16)" },
    ],
    default: "fp32",
    label: "Precision",
    help: "Of activations and products. 16 bits halve the memory; they are faster on processors with AVX-512-BF16 and on GPUs. Weights stay 32-bit.",
  },
  "train.seed": { kind: "integer", min: 0, max: 4_294_967_295, default: 0, label: "Seed", help: "Gives initial weights, order and augmentation." },
  "train.evaluateEvery": {
    kind: "integer",
    min: 1,
    max: 10_000,
    default: 1,
    label: "Evaluate every",
    unit: "epochs",
    help: "Tests on the test images after every so many epochs, and always after the last.",
  },

  "distillation.kind": {
    kind: "choice",
    choices: [{ value: "soft", label: "Soft labels" }],
    default: "soft",
    label: "Distillation",
    help: "What the student takes from the teacher.",
  },
  "distillation.temperature": {
    kind: "number",
    min: 0.05,
    max: 100,
    default: 0.5,
    label: "Temperature",
    help: "Divides the logits of both before the softmax: above 1 softer labels, below 1 sharper ones.",
  },
  "distillation.alpha": {
    kind: "number",
    min: 0,
    max: 1,
    default: 0.5,
    label: "Alpha",
    help: "Share of the teacher's term in the loss; the labels have the rest.",
  },
  "distillation.cacheTeacher": {
    kind: "flag",
    default: true,
    label: "Remember the teacher's answers",
    help: "Asks the teacher once for each crop and flip of an image. Faster, with the same result; takes at most 256 MB of memory.",
  },

  "augment.crop": {
    kind: "integer",
    min: 0,
    max: 64,
    default: 0,
    label: "Random crop",
    unit: "px",
    help: "Zero padding before a random crop back to size; 0 is off.",
  },
  "augment.flip": { kind: "flag", default: false, label: "Random flip", help: "Mirrors half of the images." },

  device: {
    kind: "choice",
    choices: [
      { value: "auto", label: "Best available" },
      { value: "cpu", label: "Processor" },
      { value: "cuda", label: "NVIDIA GPU" },
    ],
    default: "auto",
    label: "Device",
    help: "Where to compute.",
  },
};

export const settingKeys = Object.keys(settings) as SettingKey[];

/** Keys of the control's own settings: "control.train.learningRate". Each has the row of the same key without "control.". */
export type ControlKey = `control.train.${keyof TrainSettings}`;
export const controlKeys = settingKeys.filter((key) => key.startsWith("train.")).map((key) => `control.${key}` as ControlKey);

/** The row of a key, the control's included; undefined if there is none. */
export function settingAt(key: string): Setting | undefined {
  const row = key.startsWith("control.train.") ? key.slice("control.".length) : key;
  return Object.hasOwn(settings, row) ? (settings[row as SettingKey] as Setting) : undefined;
}

/** The parts of a recipe, in the order of a form. Those that may be null are left out of a recipe by default. */
export const sections = {
  data: { label: "Data", nullable: false },
  teacher: { label: "Teacher", nullable: true },
  student: { label: "Student", nullable: false },
  train: { label: "Training", nullable: false },
  distillation: { label: "Distillation", nullable: true },
  control: { label: "Control", nullable: true },
  augment: { label: "Augmentation", nullable: false },
} satisfies Partial<Record<keyof Recipe, { label: string; nullable: boolean }>>;

/** A value given as text, by a flag or a form field. Text that is not of the setting's kind stays text, for the check to name. */
export function valueFromText(setting: Setting, text: string): SettingValue {
  if (setting.nullable && text === "null") return null;
  if (setting.kind === "flag" && (text === "true" || text === "false")) return text === "true";
  const isNumber = (setting.kind === "integer" || setting.kind === "number") && text.trim() !== "" && !Number.isNaN(Number(text));
  return isNumber ? Number(text) : text;
}

/** What a setting takes, to follow the word "expected": "an integer from 1 to 10000". */
export function expectation(setting: Setting): string {
  const words = [kindInWords(setting), ...(setting.nullable ? ["null"] : [])];
  return words.join(" or ");
}

function kindInWords(setting: Setting): string {
  switch (setting.kind) {
    case "integer":
      return `an integer from ${setting.min} to ${setting.max}`;
    case "number":
      return `a number from ${setting.min} to ${setting.max}`;
    case "choice":
      return setting.choices.length > 1 ? `one of ${setting.choices.map(({ value }) => value).join(", ")}` : `${setting.choices[0]?.value}`;
    case "flag":
      return "true or false";
    case "model":
      return "the name of a model";
    case "text":
      return "a text";
    case "folder":
    case "file":
      return [...(setting.words ?? []).map((word) => `"${word}"`), `the path of a ${setting.kind}`].join(" or ");
  }
}

/** Side of the images that a model is made for, in pixels. timm's names end in it; the CIFAR variants are made for 32, others for 224. */
export function imageSizeOf(model: string): number {
  const named = /_(\d+)$/.exec(model)?.[1];
  if (named) return Number(named);
  return /_cifar\d+$/.test(model) ? 32 : 224;
}

/** Side of a model's own patches in pixels, from its name; null for models without patches. */
export function patchSizeOf(model: string): number | null {
  const named = /_patch(\d+)_/.exec(model)?.[1];
  return named ? Number(named) : null;
}
