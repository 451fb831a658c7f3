import type { ExportFormatName } from "../contract/exports";
import type { Writer } from "./exported";
import { writeOnnx } from "./onnx";
import { writeSafetensorsFile } from "./safetensors";
import { writeTimmFolder } from "./timm/folder";
import { writeTorchFile } from "./torch/file";
import { writeTrainingScript } from "./training-script/folder";

/** What writes each format of contract/exports.ts. */
export const writers: Readonly<Record<ExportFormatName, Writer>> = {
  timm: writeTimmFolder,
  torch: writeTorchFile,
  "training-script": writeTrainingScript,
  safetensors: writeSafetensorsFile,
  onnx: writeOnnx,
};
