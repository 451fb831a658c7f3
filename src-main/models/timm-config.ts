/** What a folder of timm's says of the weights in it: config.json beside model.safetensors or pytorch_model.bin, as timm and the Hugging Face hub have them. */
import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { modelNames } from "../contract/families";
import { parseJson } from "../contract/json";
import { z } from "../contract/zod";
import { readText } from "../disk/open-file";

/** Of the file of weights in such a folder, the likeliest first. */
export const TIMM_WEIGHTS = ["model.safetensors", "pytorch_model.bin"];

const preparation = z.object({ input_size: z.array(z.number()).length(3), mean: z.array(z.number()), std: z.array(z.number()) }).partial();
const schema = z.object({ architecture: z.string(), label_names: z.array(z.string()).optional(), pretrained_cfg: preparation.default({}) });

/** As this program's files say it in their metadata; nothing where there is no such file, or where it is another program's. */
export function timmMetadata(file: string): Record<string, string> {
  const path = join(dirname(file), "config.json");
  if (!TIMM_WEIGHTS.includes(basename(file)) || !existsSync(path)) return {};
  const { data } = schema.safeParse(jsonIn(path));
  if (!data) return {};
  const { mean, std, input_size: input } = data.pretrained_cfg;
  const said = {
    model: modelNames.includes(data.architecture) ? data.architecture : undefined,
    classes: data.label_names && JSON.stringify(data.label_names),
    mean: mean && JSON.stringify(mean),
    std: std && JSON.stringify(std),
    imageSize: input && String(input[1]),
  };
  return Object.fromEntries(Object.entries(said).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

function jsonIn(path: string): unknown {
  try {
    return parseJson(readText(path));
  } catch {
    return null;
  }
}
