/**
 * The one table of a recipe's settings: types, defaults, checks, `--set` values, the fields of the app's form, what a resumed run may change,
 * and docs/settings.md derive from it. The settings of objectives are in `objectives.ts`.
 */
import { dataFormatChoices } from "./data-formats";
import { imageSizeOf, patchSizeOf } from "./families";
import { isObjectiveKind, kindSetting, shortForm, termSettings } from "./objectives";
import { choice, flag, integer, model, number, path, type Setting, text, triple, type ValueLookup } from "./setting";

const vitOnly = { text: "vision transformers", to: (value: ValueLookup) => patchSizeOf(String(value("student.model"))) !== null };
const initialWeightsOnly = { text: "initial weights", to: (value: ValueLookup) => value("student.weights") !== null };
const unlabelledOnly = { text: "images without labels", to: (value: ValueLookup) => value("data.unlabelled") !== null };
const bf16OnProcessor = {
  text: "16-bit precision on a processor",
  to: (value: ValueLookup) => value("train.precision") !== "fp32" && value("device") !== "cuda",
};
const sgdOnly = { text: "the optimizer sgd", to: (value: ValueLookup) => value("train.optimizer") === "sgd" };

/** Share of a folder without a split that becomes test images. */
export const TEST_SHARE = 0.2;

export const settings = {
  name: text({ default: "run", group: "Run", resumable: true, label: "Name", help: "Shown in lists and reports." }),
  "data.path": path("folder", ["bundled"], { required: true, resumable: true, label: "Data", help: "A folder of images, or the bundled CIFAR-10 sample." }),
  "data.format": choice(dataFormatChoices, { default: "auto", resumable: true, label: "Format", help: "How the images are stored." }),
  "data.trainLimit": integer(1, 100_000_000, {
    nullable: true,
    default: null,
    group: "Run",
    label: "Training images",
    unit: "images",
    help: "Uses only this many training images, from the first on; null uses all.",
  }),
  "data.testLimit": integer(1, 100_000_000, {
    nullable: true,
    default: null,
    group: "Run",
    label: "Test images",
    unit: "images",
    help: "Uses only this many test images, from the first on; null uses all.",
  }),
  "data.testShare": number(0.001, 0.999, {
    default: TEST_SHARE,
    group: "Run",
    advanced: true,
    label: "Test share",
    help: "Share of each class that becomes test images, where a folder has the classes alone, without folders train and test.",
  }),
  "data.splitSeed": integer(0, 4_294_967_295, {
    default: 0,
    group: "Run",
    advanced: true,
    label: "Seed of the test share",
    help: "Draws which images of such a folder become test images; the same in all runs of a sweep, whatever their seeds.",
  }),
  "data.skipUnreadable": flag({
    default: false,
    group: "Run",
    advanced: true,
    label: "Skip unreadable images",
    help: "Goes on without the images that cannot be read, and lists them in left-out.csv; otherwise they are an error.",
  }),
  "data.skipCopies": flag({
    default: false,
    group: "Run",
    advanced: true,
    label: "Leave out copies",
    help: "Takes each picture once: of training images of one class that are equal, only the first.",
  }),
  "data.skipLeaks": flag({
    default: false,
    group: "Run",
    advanced: true,
    label: "Leave out what is tested",
    help: "Leaves those out of training that are test or validation images too.",
  }),
  "data.skipContradictions": flag({
    default: false,
    group: "Run",
    advanced: true,
    label: "Leave out contradicting labels",
    help: "Leaves those out of training whose picture lies in another class too.",
  }),
  "data.smallestSide": integer(1, 16_384, {
    nullable: true,
    default: null,
    group: "Run",
    advanced: true,
    label: "Smallest side",
    unit: "px",
    help: "Leaves out images whose shorter side has fewer pixels, where each image is a file; null takes all.",
  }),
  "data.validation": integer(1, 100_000_000, {
    nullable: true,
    default: null,
    group: "Run",
    advanced: true,
    label: "Validation images",
    unit: "images",
    help: "Holds back this many training images, the same share of each class, to choose by: all arms are measured on them, and the weights of the best epoch are kept too; null holds back none.",
  }),
  "data.labelled": integer(1, 100_000_000, {
    nullable: true,
    default: null,
    group: "Run",
    advanced: true,
    label: "Labelled images",
    unit: "images",
    help: "Keeps the labels of only this many training images, the same share of each class, drawn by the seed; null keeps all.",
  }),
  "data.unlabelled": path("folder", ["rest"], {
    nullable: true,
    default: null,
    group: "Run",
    advanced: true,
    label: "Images without labels",
    help: "Images that only the teacher labels: the rest of the training images, or a folder; null adds none. A control cannot use them, and repeats its own for as many steps; a third arm has the teacher on the control's images.",
  }),
  "teacher.model": model({ default: "resnet18_cifar10", group: "Teacher", label: "Teacher", help: "The model that the student learns from." }),
  "teacher.weights": path("file", ["bundled"], {
    default: "bundled",
    group: "Teacher",
    advanced: true,
    resumable: true,
    label: "Teacher's weights",
    help: "A safetensors file, what PyTorch's torch.save writes, hf:owner/name, or the bundled weights.",
  }),
  "teacher.imageSize": integer(8, 1024, {
    defaultOf: imageSizeOf,
    group: "Teacher",
    advanced: true,
    label: "Teacher's image size",
    unit: "px",
    help: "Side of the images that the teacher sees; it should be the size that it was trained at. A recipe file may leave it to the weights, where these say it.",
  }),
  "teacher.mean": triple(0, 1, {
    nullable: true,
    default: null,
    group: "Teacher",
    advanced: true,
    label: "Teacher's mean",
    help: "Subtracted from each channel of the teacher's images, with values in 0 ... 1; null takes what the weights say.",
  }),
  "teacher.std": triple(1e-6, 10, {
    nullable: true,
    default: null,
    group: "Teacher",
    advanced: true,
    label: "Teacher's deviation",
    help: "Divides each channel of the teacher's images; null takes what the weights say.",
  }),
  "student.model": model({ required: true, group: "Student", label: "Student", help: "The model to train." }),
  "student.imageSize": integer(8, 1024, {
    defaultOf: imageSizeOf,
    group: "Student",
    label: "Student's image size",
    unit: "px",
    help: "Side of the images that the student sees; images of another size are resized.",
  }),
  "student.patchSize": integer(1, 256, {
    nullable: true,
    default: null,
    applies: vitOnly,
    group: "Student",
    advanced: true,
    label: "Patch size",
    unit: "px",
    help: "Side of a patch; must divide the image size; null takes the model's own.",
  }),
  "student.weights": path("file", [], {
    nullable: true,
    default: null,
    group: "Student",
    advanced: true,
    resumable: true,
    label: "Student's initial weights",
    help: "A file to start from, safetensors or PyTorch's, or hf:owner/name; null starts fresh from the seed.",
  }),
  "student.freshHead": flag({
    default: false,
    applies: initialWeightsOnly,
    group: "Student",
    advanced: true,
    label: "Fresh last layer",
    help: "Starts the last layer from the seed, whatever classes the initial weights have; otherwise they must be the data's, or contain them by name.",
  }),
  "student.mean": triple(0, 1, {
    nullable: true,
    default: null,
    group: "Student",
    advanced: true,
    label: "Student's mean",
    help: "Subtracted from each channel of the student's images, of values in 0 ... 1; null takes what its weights say, or else the data's own.",
  }),
  "student.std": triple(1e-6, 10, {
    nullable: true,
    default: null,
    group: "Student",
    advanced: true,
    label: "Student's deviation",
    help: "Divides each channel of the student's images; null takes what its weights say, or else the data's own.",
  }),
  "train.epochs": integer(1, 10_000, { default: 5, group: "Run", label: "Epochs", help: "How often every training image is seen." }),
  "train.batches": integer(1, 100_000_000, {
    nullable: true,
    default: null,
    group: "Schedule",
    advanced: true,
    label: "End after",
    unit: "batches",
    help: "Ends training after so many batches, where the epochs have more; the schedule stays that of all epochs, and the last epoch is tested where it ends; null trains all epochs.",
  }),
  "train.batchSize": integer(1, 8192, { default: 128, group: "Student", label: "Batch size", unit: "images", help: "Images per step of the optimizer." }),
  "train.accumulate": integer(1, 10_000, {
    default: 1,
    group: "Optimizer",
    advanced: true,
    label: "Batches per step",
    unit: "batches",
    help: "Averages the gradients of so many batches before each step, as one batch of all their images would; the schedule counts steps. Batch norms still see single batches; the last step of an epoch has what is left.",
  }),
  "train.optimizer": choice(
    [
      { value: "adamw", label: "AdamW" },
      { value: "sgd", label: "SGD with momentum" },
    ],
    {
      default: "adamw",
      group: "Optimizer",
      advanced: true,
      label: "Optimizer",
      help: "How gradients change the weights.",
    },
  ),
  "train.learningRate": number(1e-8, 10, { default: 1e-4, group: "Student", label: "Learning rate", help: "Step size at the schedule's highest point." }),
  "train.weightDecay": number(0, 10, {
    default: 0.01,
    group: "Optimizer",
    advanced: true,
    label: "Weight decay",
    help: "Pulls weights towards zero; decoupled with AdamW.",
  }),
  "train.decay": choice(
    [
      { value: "all", label: "All parameters" },
      { value: "matrices", label: "Matrices only" },
    ],
    {
      default: "all",
      group: "Optimizer",
      advanced: true,
      label: "Decay of",
      help: "Matrices only leaves out biases, norms, positions and tokens.",
    },
  ),
  "train.momentum": number(0, 0.9999, {
    default: 0.9,
    applies: sgdOnly,
    group: "Optimizer",
    advanced: true,
    label: "Momentum",
    help: "Share of the last step that is kept.",
  }),
  "train.nesterov": flag({ default: false, applies: sgdOnly, group: "Optimizer", advanced: true, label: "Nesterov", help: "Looks ahead along the momentum." }),
  "train.clipNorm": number(1e-6, 1e6, {
    nullable: true,
    default: null,
    group: "Optimizer",
    advanced: true,
    label: "Largest gradient norm",
    help: "Scales the gradients of a step down to this norm, that of all parameters together, where they exceed it; null leaves them.",
  }),
  "train.labelSmoothing": number(0, 0.99, {
    default: 0,
    group: "Optimizer",
    advanced: true,
    label: "Label smoothing",
    help: "Share of each label that is spread over all classes; the teacher's answers stay as they are; 0 is off.",
  }),
  "train.ema": number(0, 0.999999, {
    nullable: true,
    default: null,
    group: "Optimizer",
    advanced: true,
    label: "Average of the weights",
    help: "Keeps a moving average of the weights that keeps this share of itself at each step, 0.999 for instance. It is tested beside the weights and written as student-ema.safetensors; null keeps none.",
  }),
  "train.schedule": choice(
    [
      { value: "cosine-epoch", label: "Cosine, stepped per epoch" },
      { value: "cosine-step", label: "Cosine, stepped per batch" },
      { value: "constant", label: "Constant" },
    ],
    {
      default: "cosine-epoch",
      group: "Schedule",
      advanced: true,
      label: "Schedule",
      help: "How the learning rate falls; cosine ends at 0.",
    },
  ),
  "train.warmupEpochs": number(0, 10_000, {
    default: 0,
    group: "Schedule",
    advanced: true,
    label: "Warm-up",
    unit: "epochs",
    help: "Linear rise to the learning rate at the start.",
  }),
  "train.shuffle": flag({
    default: true,
    group: "Schedule",
    advanced: true,
    label: "Shuffle",
    help: "A new order of the training images in every epoch, from the seed.",
  }),
  "train.precision": choice(
    [
      { value: "auto", label: "Automatic" },
      { value: "fp32", label: "32-bit" },
      { value: "bf16", label: "16-bit (bf16)" },
    ],
    {
      default: "auto",
      group: "Machine",
      advanced: true,
      label: "Precision",
      help: "Of activations. 16 bits halve their memory. Automatic takes 16 bits where products of them are measured to be faster when a run starts, as on GPUs with tensor cores for them. Weights stay 32-bit.",
    },
  ),
  "train.bf16Products": choice(
    [
      { value: "auto", label: "Automatic" },
      { value: "fp32", label: "As 32-bit numbers" },
      { value: "bf16", label: "As 16-bit numbers" },
    ],
    {
      default: "auto",
      applies: bf16OnProcessor,
      group: "Machine",
      advanced: true,
      label: "Multiply bf16",
      help: "How a processor multiplies 16-bit numbers: with an instruction for them, where it has one, or as 32-bit numbers; automatic takes the faster, which is measured when a run starts.",
    },
  ),
  "train.seed": integer(0, 4_294_967_295, {
    default: 0,
    group: "Schedule",
    advanced: true,
    label: "Seed",
    help: "Gives initial weights, order and augmentation.",
  }),
  "train.evaluateEvery": integer(1, 10_000, {
    default: 1,
    group: "Schedule",
    advanced: true,
    label: "Evaluate every",
    unit: "epochs",
    help: "Tests on the test images after every so many epochs, and always after the last.",
  }),
  "distillation.labels": number(0, 1e6, {
    default: 1,
    group: "Teacher",
    label: "Weight of the labels",
    help: "Factor of the cross-entropy with the labels; 0 leaves them out.",
  }),
  "distillation.images": choice(
    [
      { value: "all", label: "All images" },
      { value: "labelled", label: "Labelled images only" },
    ],
    {
      default: "all",
      applies: unlabelledOnly,
      group: "Teacher",
      advanced: true,
      label: "Images that the teacher labels",
      help: "Whether the student also learns from the images without labels, which only the teacher can label, or from the labelled ones alone.",
    },
  ),
  "distillation.cacheTeacher": flag({
    default: true,
    group: "Teacher",
    advanced: true,
    resumable: true,
    label: "Remember the teacher's answers",
    help: "Asks the teacher once for each crop, flip and mixture of an image. Faster, with the same result; takes at most 256 MB of memory.",
  }),
  "augment.crop": integer(0, 64, {
    default: 0,
    group: "Images",
    advanced: true,
    label: "Random crop",
    unit: "px",
    help: "Zero padding before a random crop back to size, less than the side of the images; 0 is off.",
  }),
  "augment.flip": flag({ default: false, group: "Images", advanced: true, label: "Random flip", help: "Mirrors half of the images." }),
  "augment.views": integer(1, 10_000, {
    nullable: true,
    default: null,
    group: "Images",
    advanced: true,
    label: "Views of each image",
    help: "Shows each image in only so many crops, flips and mixtures, in turn, so that the teacher need not be asked again; null draws a new one in every epoch.",
  }),
  "augment.mixup": number(0, 10, {
    default: 0,
    group: "Images",
    advanced: true,
    label: "Mixup",
    help: "Mixes each image with another, and their labels in the same shares, drawn from Beta(mixup, mixup): at 0.2 most mixtures are close to one image, at 1 all shares are as likely; 0 is off.",
  }),
  "augment.cutmix": number(0, 10, {
    default: 0,
    group: "Images",
    advanced: true,
    label: "CutMix",
    help: "Covers a part of each image with that of another, and mixes their labels by area, drawn from Beta(cutmix, cutmix); 0 is off. With mixup too, either happens to an image with equal odds.",
  }),
  "augment.resizedCrop": number(0, 1, {
    default: 0,
    group: "Images",
    advanced: true,
    label: "Random resized crop",
    help: "Shows a random part of each image, of this share of its area or more and with sides of 3:4 to 4:3, at full size: 0.08 is common for photographs; 0 is off.",
  }),
  "augment.erase": number(0, 1, {
    default: 0,
    group: "Images",
    advanced: true,
    label: "Random erasing",
    help: "Probability with which a rectangle of 2 to 33 % of what is shown of an image becomes black; 0 is off.",
  }),
  device: choice(
    [
      { value: "auto", label: "Best available" },
      { value: "cpu", label: "Processor" },
      { value: "cuda", label: "NVIDIA GPU" },
    ],
    {
      default: "auto",
      group: "Machine",
      advanced: true,
      resumable: true,
      label: "Device",
      help: "Where to compute.",
    },
  ),
};

export const settingKeys = Object.keys(settings) as SettingKey[];
/** Path of a value in a recipe: "train.epochs". The control's overrides have the keys of `train`, the terms of a distillation rows of their own. */
export type SettingKey = keyof typeof settings;

/** Keys of the control's own settings: "control.train.learningRate". Each has the row of the same key without "control.". */
export type ControlKey = `control.${Extract<SettingKey, `train.${string}`>}`;
export const controlKeys = settingKeys.filter((key) => key.startsWith("train.")).map((key) => `control.${key}` as ControlKey);
/**
 * Keys of `train` that determine initial weights, batches, and how the machine computes. All arms of a comparison share them, or it would show more than the
 * teacher's effect.
 */
export const sharedKeys = ["seed", "epochs", "batches", "batchSize", "shuffle", "precision", "bf16Products"] as const;

/** Rows of a teacher besides the first: those of the first, and its weight. */
export const otherTeacherRows: { readonly [name: string]: Setting } = {
  ...Object.fromEntries(settingKeys.flatMap((key) => (key.startsWith("teacher.") ? [[key.slice("teacher.".length), settings[key]]] : []))),
  weight: number(1e-6, 1e6, {
    default: 1,
    label: "Teacher's share",
    help: "Its weight in the average of the teachers' logits, where the first teacher has 1.",
  }),
};

/**
 * The row of a key; undefined if there is none. Keys of the control, of teachers besides the first ("teacher.others.0.weight") and of a distillation's
 * short form have rows too, and those of its terms ("distillation.terms.0.weight"), given the recipe that says their kind.
 */
export function settingAt(key: string, recipe?: unknown): Setting | undefined {
  const term = /^distillation\.terms\.(\d+)\.(\w+)$/.exec(key);
  if (term) return termSettingAt(Number(term[1]), term[2]!, recipe);
  const other = /^teacher\.others\.\d+\.(\w+)$/.exec(key)?.[1];
  if (other !== undefined) return Object.hasOwn(otherTeacherRows, other) ? otherTeacherRows[other] : undefined;
  const short = /^distillation\.(\w+)$/.exec(key)?.[1];
  if (short !== undefined && Object.hasOwn(shortForm, short)) return shortForm[short];
  const row = key.startsWith("control.train.") ? key.slice("control.".length) : key;
  return Object.hasOwn(settings, row) ? settings[row as SettingKey] : undefined;
}

function termSettingAt(index: number, name: string, recipe: unknown): Setting | undefined {
  if (name === "kind") return kindSetting;
  const kind = (recipe as { distillation?: { terms?: { kind?: unknown }[] } } | undefined)?.distillation?.terms?.[index]?.kind;
  if (!isObjectiveKind(kind)) return undefined;
  const rows = termSettings(kind);
  return Object.hasOwn(rows, name) ? rows[name] : undefined;
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
} as const;
