import packageJson from "../../package.json";
import { CHECKSUM } from "../models/checksum";
import { BATCH_NORMS, onnxChecksum, PRECISION } from "../models/onnx-file";
import { originMetadata } from "../models/origin";
import { sizesAsText } from "../models/weights";
import { fitImage, normalized } from "../onnx/fit-image";
import { Graph, type Value } from "../onnx/graph";
import { type ModelProto, PRODUCER } from "../onnx/proto";
import type { TrainedNetwork } from "../training/network";

export interface OnnxOptions {
  /** Images u8 [N,H,W,3] of any size in; resized, cropped and normalised inside. Otherwise normalised f32 [N,3,Z,Z]. */
  rawInput?: boolean;
  /** Probabilities instead of logits. */
  softmax?: boolean;
  /** Linear layers of tokens in whole numbers of 8 bits. */
  int8?: boolean;
}

/** LayerNormalization came with it; later ones are understood by fewer programs. */
const OPSET = 17;
/** Of the format, which goes with that opset. */
const IR_VERSION = 8;

/** A network as an ONNX model, and what is known of it as its metadata. */
export function onnxModel(
  { network, classes }: { network: Pick<TrainedNetwork, "model" | "normalization" | "origin">; classes: readonly string[] },
  options: OnnxOptions = {},
): ModelProto {
  const { model, normalization, origin } = network;
  const graph = new Graph({ weights: model.weights(), int8: options.int8 });
  const logits = model.export(graph, inputOf(graph, network, options));
  if (options.softmax) graph.output(graph.op("Softmax", [logits], { attributes: { axis: -1 } }), "probabilities");
  else graph.output(logits, "logits");
  const metadata = {
    ...(origin && originMetadata(origin)),
    model: model.name,
    ...sizesAsText(model),
    classes: JSON.stringify(classes),
    mean: JSON.stringify(normalization.mean),
    std: JSON.stringify(normalization.std),
    [PRECISION]: options.int8 ? "int8" : "fp32",
    [BATCH_NORMS]: JSON.stringify(Object.fromEntries(graph.folded)),
  };
  const whole: ModelProto = {
    irVersion: IR_VERSION,
    producerName: PRODUCER,
    producerVersion: packageJson.version,
    graph: graph.build(model.name),
    opsetImport: [{ domain: "", version: OPSET }],
    metadataProps: Object.entries(metadata).map(([key, value]) => ({ key, value })),
  };
  if (!options.int8) whole.metadataProps.push({ key: CHECKSUM, value: onnxChecksum(whole) });
  return whole;
}

function inputOf(graph: Graph, { model, normalization }: Pick<TrainedNetwork, "model" | "normalization">, { rawInput }: OnnxOptions): Value {
  const side = model.imageSize;
  if (!rawInput) return graph.input("pixel_values", "float", ["batch", 3, side, side]);
  return normalized(graph, fitImage(graph, graph.input("image", "uint8", ["batch", "height", "width", 3]), side), normalization);
}
