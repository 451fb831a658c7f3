import type { ExportFormatName } from "../contract/exports";
import type { Writer } from "./exported";
import { writeOnnx } from "./onnx";
import { writeSafetensorsFile } from "./safetensors";

/** What writes each format of contract/exports.ts. */
export const writers: Readonly<Record<ExportFormatName, Writer>> = {
  safetensors: writeSafetensorsFile,
  onnx: writeOnnx,
};
