import { UsageError } from "../contract/failure";
import { writeWhole } from "../disk/write-whole";
import { modelProto } from "../onnx/proto";
import { encode } from "../protobuf/codec";
import type { Writer } from "./exported";
import { int8Cost } from "./int8-cost";
import { onnxError } from "./onnx-check";
import { onnxModel } from "./onnx-model";

/** Of the largest logit. Rounding alone comes to a hundredth of it. */
const MOST_ERROR = 1e-4;

/** A network for any program that reads ONNX. What was written is read and evaluated before it counts. */
export const writeOnnx: Writer = async (exported, out, options, context) => {
  const { model } = exported.network;
  if (options.int8 && model.sizes.patchSize === null)
    throw new UsageError(`int8 is for vision transformers, and ${model.name} is none: its convolutions would have to be fitted to images; leave --int8 out`);
  const bytes = Buffer.concat(encode(modelProto, onnxModel(exported, options)));
  context.notify({ type: "phase", text: "Checking what the file answers" });
  await context.yieldPoint();
  const error = await onnxError(exported.network, bytes, options);
  if (!options.int8 && !(error <= MOST_ERROR))
    throw new Error(`the ONNX graph answers otherwise than the network (by ${error.toExponential(1)} of the largest logit), so it was not written`);
  writeWhole(out, (file) => file.write(bytes));
  const checked = `the file's answers to images of noise differ from the network's by ${error.toExponential(0)} of the largest at most`;
  if (!options.int8) return { notes: [checked], warnings: [] };
  const cost = await int8Cost(exported, context);
  return { ...cost, notes: [checked, ...cost.notes] };
};
