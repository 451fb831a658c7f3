import type { Tensor } from "../tensor/tensor";
import { ATTRIBUTE_TYPE, type AttributeProto, DATA_TYPE, type DataType, type GraphProto, type TensorProto, type ValueInfoProto } from "./proto";

/** A length, or the name of one that is known only when the network is used. */
export type Extent = number | string;

/** What flows along an edge of the graph. */
export interface Value {
  readonly name: string;
  readonly shape: readonly Extent[];
}

/** A whole number or several; `f` makes a float of one. */
export type Attribute = number | readonly number[] | { f: number };

interface OpOptions {
  attributes?: Readonly<Record<string, Attribute>>;
  /** Default: that of the first input. */
  shape?: readonly Extent[];
}

/** Weights by their names in the model, and how they are written. */
interface GraphOptions {
  weights: ReadonlyMap<string, Tensor>;
  /** Whether linear layers of tokens multiply whole numbers of 8 bits. */
  int8?: boolean;
}

/** Builds an ONNX graph by calls, as a forward pass builds tensors: each op returns what it computes. */
export class Graph {
  readonly int8: boolean;
  /** Batch norms that are folded into the convolution before them, by name, with their eps. */
  readonly folded = new Map<string, number>();
  readonly #names: ReadonlyMap<Tensor, string>;
  readonly #graph: GraphProto = { node: [], name: "", initializer: [], input: [], output: [] };
  readonly #made = new Map<string, readonly Value[]>();

  constructor({ weights, int8 = false }: GraphOptions) {
    this.int8 = int8;
    this.#names = new Map([...weights].map(([name, weight]) => [weight, name]));
  }

  input(name: string, type: DataType, shape: readonly Extent[]): Value {
    this.#graph.input.push(port(name, type, shape));
    return { name, shape };
  }

  /** Adds a node with one output. */
  op(type: string, inputs: readonly Value[], options: OpOptions = {}): Value {
    return this.ops(type, inputs, 1, options)[0]!;
  }

  /** Adds a node with several outputs, which have the shape of the first input. */
  ops(type: string, inputs: readonly Value[], outputs: number, { attributes = {}, shape = inputs[0]?.shape ?? [] }: OpOptions = {}): Value[] {
    const { node } = this.#graph;
    const name = `${type}_${node.length}`;
    const values = Array.from({ length: outputs }, (_, i) => ({ name: i === 0 ? name : `${name}_${i}`, shape }));
    node.push({
      input: inputs.map((value) => value.name),
      output: values.map((value) => value.name),
      name,
      opType: type,
      attribute: Object.entries(attributes).map(([key, value]) => attribute(key, value)),
    });
    return values;
  }

  /** A result of the network, under a name of its own. */
  output(value: Value, name: string): void {
    this.#graph.node.push({ input: [value.name], output: [name], name, opType: "Identity", attribute: [] });
    this.#graph.output.push(port(name, "float", value.shape));
  }

  /** A weight of the model, under its name. */
  weight(weight: Tensor): Value {
    return this.floats(this.nameOf(weight), weight.shape, weight.toFloat32());
  }

  nameOf(weight: Tensor): string {
    return this.#names.get(weight)!;
  }

  floats(name: string, shape: readonly number[], values: Float32Array): Value {
    return this.#initializer(name, "float", shape, values);
  }

  bytes(name: string, shape: readonly number[], values: Uint8Array): Value {
    return this.#initializer(name, "uint8", shape, values);
  }

  /** A number or several, the same value for the same numbers. */
  constant(
    type: "float" | "double" | "int64",
    values: number | readonly number[],
    shape: readonly number[] = typeof values === "number" ? [] : [values.length],
  ): Value {
    const numbers = typeof values === "number" ? [values] : values;
    const [made] = this.once(`${type} [${shape}] ${numbers}`, () => {
      const stored = type === "int64" ? BigInt64Array.from(numbers, BigInt) : type === "double" ? Float64Array.from(numbers) : Float32Array.from(numbers);
      return [this.#initializer(`constant_${this.#made.size}`, type, shape, stored)];
    });
    return made!;
  }

  /** What `make` adds to the graph, only once for each key. */
  once(key: string, make: () => readonly Value[]): readonly Value[] {
    const made = this.#made.get(key) ?? make();
    this.#made.set(key, made);
    return made;
  }

  /** The finished graph. */
  build(name: string): GraphProto {
    return { ...this.#graph, name };
  }

  #initializer(name: string, type: DataType, dims: readonly number[], values: ArrayBufferView): Value {
    const rawData = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    const tensor: TensorProto = { dims: [...dims], dataType: DATA_TYPE[type], name, rawData };
    this.#graph.initializer.push(tensor);
    return { name, shape: dims };
  }
}

function attribute(name: string, value: Attribute): AttributeProto {
  if (typeof value === "number") return { name, i: value, ints: [], type: ATTRIBUTE_TYPE.int };
  if ("f" in value) return { name, f: value.f, ints: [], type: ATTRIBUTE_TYPE.float };
  return { name, ints: [...value], type: ATTRIBUTE_TYPE.ints };
}

function port(name: string, type: DataType, shape: readonly Extent[]): ValueInfoProto {
  const dim = shape.map((extent) => (typeof extent === "string" ? { dimParam: extent } : { dimValue: extent }));
  return { name, type: { tensorType: { elemType: DATA_TYPE[type], shape: { dim } } } };
}
