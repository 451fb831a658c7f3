/** ONNX files that this program exported, read back as weights. */
import { InputError } from "../contract/failure";
import { parseJson } from "../contract/json";
import { z } from "../contract/zod";
import type { OpenFile } from "../disk/open-file";
import { transposed } from "../onnx/ops";
import { DATA_TYPE, type ModelProto, modelProto, type TensorProto } from "../onnx/proto";
import { decode } from "../protobuf/codec";
import { Checksum } from "./checksum";
import { bytesOf } from "./dtypes";
import { bytesAt } from "./safetensors-header";
import { countIn, shortened, TensorFile, type TensorHeader, type TensorInfo } from "./tensor-file";

/** Keys of a file's metadata: fp32 or int8, and the batch norms that are folded into the convolution before them, by name, with their eps. */
export const PRECISION = "precision";
export const BATCH_NORMS = "batchNorms";

const batchNorms = z.record(z.string(), z.number().positive().max(1));

/** More cannot be read at once. */
const MOST_BYTES = 2 ** 31 - 1;

/** A tensor of the model, as its own forward pass takes it; `bytes` makes a copy. */
interface OnnxWeight extends TensorInfo {
  bytes(): Uint8Array<ArrayBuffer>;
}

export class OnnxFile extends TensorFile {
  readonly header: TensorHeader;
  override readonly notes: readonly string[];
  readonly #weights: ReadonlyMap<string, OnnxWeight>;

  /** Throws an InputError if the file is damaged, or has weights of 8 bits. */
  constructor(private readonly file: OpenFile) {
    super();
    const { path, size } = file;
    if (size > MOST_BYTES) throw new InputError(`weights ${path}: an ONNX file of at most 2 GB can be read, and this one has ${size} bytes`);
    const model = modelOf(path, bytesAt(file, 0, size));
    const metadata = metadataOf(model);
    if (metadata[PRECISION] === "int8")
      throw new InputError(
        `weights ${path}: this ONNX file has weights of 8 bits, from which the network cannot be taken back: name the run or the weights that it was exported from, or export them without --int8`,
      );
    this.#weights = unlessDamaged(path, () => weightsOf(model));
    this.header = { metadata, tensors: this.#weights };
    const folded = (metadata[BATCH_NORMS] ?? "{}") !== "{}";
    this.notes = folded
      ? [`weights ${path}: batch norms are folded into convolutions there; the answers are the same, but for training choose the original`]
      : [];
  }

  get path(): string {
    return this.file.path;
  }

  bytesOf(name: string, begin: number, end: number): Uint8Array<ArrayBuffer> {
    const bytes = this.#weights.get(name)!.bytes();
    return begin === 0 && end === bytes.length ? bytes : bytes.slice(begin, end);
  }
}

/** The checksum of an fp32 model's weights and metadata, which belongs in the latter. */
export function onnxChecksum(model: ModelProto): string {
  const digest = new Checksum(metadataOf(model));
  for (const [name, weight] of weightsOf(model)) {
    digest.begin(name, weight);
    digest.add(weight.bytes());
  }
  return digest.hex();
}

function modelOf(path: string, bytes: Uint8Array): ModelProto {
  return unlessDamaged(path, () => decode(modelProto, bytes));
}

function unlessDamaged<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new InputError(`weights ${path}: the ONNX file is damaged, or another program changed it: ${(cause as Error).message}. Export it again`, { cause });
  }
}

function metadataOf({ metadataProps }: ModelProto): Record<string, string> {
  return Object.fromEntries(metadataProps.map(({ key, value }) => [key, value]));
}

function weightsOf(model: ModelProto): Map<string, OnnxWeight> {
  const { initializer, node } = model.graph;
  // Graph.constant names the others.
  const stored = initializer.filter(({ name }) => !name.startsWith("constant_"));
  // Linear layers of tokens have their weights turned.
  const turned = new Set(node.flatMap(({ opType, input }) => (opType === "MatMul" ? [input[1]] : [])));
  const norms = batchNorms.parse(parseJson(metadataOf(model)[BATCH_NORMS] ?? "{}"));
  const weights = new Map(stored.map((tensor) => [tensor.name, turned.has(tensor.name) ? turnedWeight(tensor) : plainWeight(tensor)]));
  for (const [norm, eps] of Object.entries(norms)) for (const [name, weight] of unfolded(norm, eps, weights)) weights.set(name, weight);
  return weights;
}

function plainWeight({ name, dataType, dims, rawData }: TensorProto): OnnxWeight {
  if (dataType !== DATA_TYPE.float || rawData.length !== 4 * countIn(dims))
    throw new Error(`tensor "${shortened(name)}" is not the fp32 values of its shape [${shortened(String(dims))}]`);
  return { dtype: "F32", shape: dims, bytes: () => new Uint8Array(rawData) };
}

function turnedWeight(tensor: TensorProto): OnnxWeight {
  const { shape, bytes } = plainWeight(tensor);
  const [I, O] = shape as [number, number];
  if (shape.length !== 2) throw new Error(`tensor "${shortened(tensor.name)}" is not a matrix`);
  return { dtype: "F32", shape: [O, I], bytes: () => bytesOf(transposed(new Float32Array(bytes().buffer), I, O)) as Uint8Array<ArrayBuffer> };
}

/** What a batch norm that is folded into a convolution still adds to it: its bias, which the file has, and otherwise nothing. */
function unfolded(norm: string, eps: number, weights: ReadonlyMap<string, OnnxWeight>): [name: string, weight: OnnxWeight][] {
  const bias = weights.get(`${norm}.bias`);
  if (!bias) throw new Error(`it has no tensor "${shortened(norm)}.bias"`);
  const filled = (value: number): OnnxWeight => ({
    dtype: "F32",
    shape: bias.shape,
    bytes: () => bytesOf(new Float32Array(countIn(bias.shape)).fill(value)) as Uint8Array<ArrayBuffer>,
  });
  return [
    [`${norm}.weight`, filled(1)],
    [`${norm}.running_mean`, filled(0)],
    [`${norm}.running_var`, filled(1 - eps)],
  ];
}
