import { type NdArray, storedArray } from "./array";
import { type Attributes, kernels } from "./kernels";
import type { AttributeProto, GraphProto, NodeProto } from "./proto";

/**
 * Evaluates graphs that this program wrote, node by node: a reference for what a file says, written from ONNX's definition, to check it by before it is
 * given to anybody. Its kernels know no other ops or uses of them.
 */
export class Evaluation {
  readonly #stored: ReadonlyMap<string, NdArray>;
  /** The values that nothing needs after each node. */
  readonly #spent: readonly (readonly string[])[];

  constructor(private readonly graph: GraphProto) {
    this.#stored = new Map(graph.initializer.map((tensor) => [tensor.name, storedArray(tensor)]));
    const last = new Map(graph.node.flatMap(({ input }, at) => input.map((name): [string, number] => [name, at])));
    this.#spent = graph.node.map(({ input }, at) => input.filter((name) => last.get(name) === at));
  }

  /** The only output, for the only input. Throws an Error if the graph has an op that is not known. */
  run(input: NdArray): NdArray {
    const values = new Map([[this.graph.input[0]!.name, input]]);
    for (const [at, node] of this.graph.node.entries()) {
      const results = this.#compute(node, values);
      for (const name of this.#spent[at]!) values.delete(name);
      for (const [i, name] of node.output.entries()) values.set(name, results[i]!);
    }
    return values.get(this.graph.output[0]!.name)!;
  }

  #compute({ opType, name, input, attribute }: NodeProto, values: ReadonlyMap<string, NdArray>): readonly NdArray[] {
    const kernel = kernels[opType];
    if (!kernel) throw new Error(`${name}: no op ${opType} is known`);
    const result = kernel(
      input.map((each) => values.get(each) ?? this.#stored.get(each)!),
      attributesOf(attribute),
    );
    return Array.isArray(result) ? result : [result as NdArray];
  }
}

function attributesOf(attributes: readonly AttributeProto[]): Attributes {
  return Object.fromEntries(attributes.map(({ name, type, f, i, ints }) => [name, type === 1 ? [f ?? 0] : type === 2 ? [i ?? 0] : ints]));
}
