import { convertWeights } from "../models/convert";
import type { Writer } from "./exported";

/** The file as it is, with all that it says of itself, in another precision. */
export const writeSafetensorsFile: Writer = async ({ file }, out, { precision = "bf16" }) => {
  const { notes, warnings } = convertWeights(file, out, precision === "bf16" ? "BF16" : "F32");
  return { notes, warnings };
};
