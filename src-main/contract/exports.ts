/** As what a trained network leaves the program: the one table of formats for engine, command line and app. */
import { z } from "./zod";

export interface ExportFormat {
  /** In menus. */
  label: string;
  /** How the file's name ends, with its dot; null: the format is a folder. */
  ending: string | null;
  /** What it is and who reads it, in words that follow its name. */
  words: string;
  /** The options that it takes. */
  options: readonly ExportOption[];
  /** It holds the weights that the run began with, to train them again. */
  isUntrained?: true;
}

/** Any of a format's options may be left out. */
export const exportOptions = z
  .strictObject({
    /** Default: bf16, in half the bytes. */
    precision: z.enum(["fp32", "bf16"]),
    /** Images of any size as bytes in, which are resized, cropped and normalised inside. */
    rawInput: z.boolean(),
    /** Probabilities instead of logits. */
    softmax: z.boolean(),
    /** Weights of 8 bits. */
    int8: z.boolean(),
  })
  .partial();
export type ExportOptions = z.infer<typeof exportOptions>;
export type ExportOption = keyof ExportOptions;
export const exportOptionNames = Object.keys(exportOptions.shape) as ExportOption[];

/** Those that are on or off, in words. */
export const exportSwitches = {
  rawInput: "takes images of any size as bytes, and resizes, crops and normalises them inside",
  softmax: "gives probabilities instead of logits",
  int8: "weights of 8 bits, in a quarter of the bytes, of vision transformers; what that costs is measured on the run's test images",
} as const satisfies Partial<Record<ExportOption, string>>;
export const exportSwitchNames = Object.keys(exportSwitches) as (keyof typeof exportSwitches)[];

/** src-main/export/ has what writes each. */
export const exportFormats = {
  timm: {
    label: "Folder for timm and transformers",
    ending: null,
    words: "a folder that timm and transformers load without further code, with a model card",
    options: [],
  },
  torch: {
    label: "PyTorch state dict",
    ending: ".pth",
    words: "the weights alone, under timm's names, for load_state_dict of PyTorch",
    options: [],
  },
  "training-script": {
    label: "Training script",
    ending: null,
    words: "a folder with a Python script that repeats the training with PyTorch, in one process, by torchrun or by Ray Train",
    options: [],
    isUntrained: true,
  },
  safetensors: {
    label: "safetensors",
    ending: ".safetensors",
    words: "weights and what they need, as this program, safetensors and timm read them",
    options: ["precision"],
  },
  onnx: {
    label: "ONNX",
    ending: ".onnx",
    words: "the network itself, for onnxruntime and other programs that run ONNX (opset 17)",
    options: ["rawInput", "softmax", "int8"],
  },
} as const satisfies Record<string, ExportFormat>;

export type ExportFormatName = keyof typeof exportFormats;
export const exportFormatNames = Object.keys(exportFormats) as ExportFormatName[];
export const exportFormatNamed = (name: ExportFormatName): ExportFormat => exportFormats[name];

/** Of a run, in words: the weights after its last epoch, after the best one by the validation images, or their average over the steps. */
export const weightsOfRun = { last: "last epoch", best: "best epoch by the validation images", ema: "average of the weights over the steps" } as const;
export type WeightsOf = keyof typeof weightsOfRun;
export const weightsOfNames = Object.keys(weightsOfRun) as WeightsOf[];

export interface ExportResult {
  /** The file or folder that was written. */
  path: string;
  /** Of all its files. */
  bytes: number;
  model: string;
  /** The file of weights that was exported. */
  weights: string;
  /** Of a run, 0 ... 1; null if it was not tested, if what was written is still to be trained, or if no run was named. */
  testAccuracy: number | null;
}
