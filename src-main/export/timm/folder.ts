/** A folder as timm and transformers load it: config.json, model.safetensors and README.md; where timm lacks the model, also the Python that builds it. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { writeWhole } from "../../disk/write-whole";
import { originMetadata } from "../../models/origin";
import { writeSafetensors } from "../../models/safetensors";
import { metadataFor } from "../../models/weights";
import type { Exported, Writer } from "../exported";
import { stateDict } from "../state-dict";
import { timmModel } from "./architectures";
import { timmConfig } from "./config";
import ownModels from "./distill_models.py?raw";
import { modelCard } from "./model-card";

export const writeTimmFolder: Writer = async (exported, out) => {
  const { network } = exported;
  const timm = timmModel(network.model.name, network.model.sizes);
  mkdirSync(out);
  writeWhole(join(out, "config.json"), `${JSON.stringify(timmConfig(exported, timm), null, 2)}\n`);
  // safetensors of Python wants to be told that tensors are PyTorch's.
  writeSafetensors(join(out, "model.safetensors"), stateDict(network.model), { ...metadataOf(exported), format: "pt" });
  if (timm.isOwn) writeWhole(join(out, "distill_models.py"), ownModels);
  writeWhole(join(out, "README.md"), modelCard(exported, timm));
  const own = `timm has no ${network.model.name}: distill_models.py, in the folder, registers it, and README.md says how`;
  return { notes: timm.isOwn ? [own] : [], warnings: [] };
};

/** What this program needs to take the folder back. */
function metadataOf({ network: { model, normalization, classes, origin }, run }: Exported) {
  return metadataFor(model, { ...normalization, classes: classes ?? run?.header.classes ?? null, more: origin ? originMetadata(origin) : {} });
}
