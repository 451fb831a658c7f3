import { codeOf } from "../../models/registry";
import type { Exported } from "../exported";
import { type TimmModel, timmModel } from "./architectures";

/** The content of config.json, as timm's `save_for_hf` writes it, and as transformers reads it too. */
export function timmConfig({ network: { model, normalization }, classes }: Exported, timm: TimmModel = timmModel(model.name, model.sizes)) {
  const { heads } = codeOf(model.name);
  const { imageSize } = model;
  return {
    architecture: timm.architecture,
    num_classes: model.classes,
    num_features: model.weights().get(`${heads[0]}.weight`)!.shape[1],
    global_pool: timm.globalPool,
    model_args: timm.args,
    label_names: classes,
    pretrained_cfg: {
      tag: "distill_studio",
      custom_load: false,
      input_size: [3, imageSize, imageSize],
      fixed_input_size: timm.fixedInputSize,
      interpolation: "bilinear",
      crop_pct: 1,
      crop_mode: "center",
      mean: normalization.mean,
      std: normalization.std,
      num_classes: model.classes,
      label_names: classes,
      first_conv: timm.firstConv,
      classifier: heads.length === 1 ? heads[0] : heads,
    },
  };
}
