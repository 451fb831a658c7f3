/**
 * The part of onnx.proto (github.com/onnx/onnx, Apache-2.0) that this program writes and reads: its messages, and their fields' numbers. Other fields of a
 * file are passed over.
 */
import type { Schema } from "../protobuf/codec";

/** Who wrote a file of ours. */
export const PRODUCER = "distill-studio";

export interface ModelProto {
  irVersion: number;
  producerName: string;
  producerVersion: string;
  graph: GraphProto;
  opsetImport: { domain: string; version: number }[];
  metadataProps: { key: string; value: string }[];
}

export interface GraphProto {
  node: NodeProto[];
  name: string;
  initializer: TensorProto[];
  input: ValueInfoProto[];
  output: ValueInfoProto[];
}

export interface NodeProto {
  input: string[];
  output: string[];
  name: string;
  opType: string;
  attribute: AttributeProto[];
}

/** A float, a whole number or several, as its type says. */
export interface AttributeProto {
  name: string;
  f?: number;
  i?: number;
  ints: number[];
  type: number;
}

export interface TensorProto {
  dims: number[];
  dataType: number;
  name: string;
  /** Little-endian and row-major. */
  rawData: Uint8Array;
}

export interface ValueInfoProto {
  name: string;
  type: { tensorType: { elemType: number; shape: { dim: Dimension[] } } };
}

/** A length, or the name of one that is known only when the network is used. */
export interface Dimension {
  dimValue?: number;
  dimParam?: string;
}

/** TensorProto.DataType */
export const DATA_TYPE = { float: 1, uint8: 2, int8: 3, int32: 6, int64: 7, bool: 9, double: 11 } as const;
export type DataType = keyof typeof DATA_TYPE;
/** AttributeProto.AttributeType */
export const ATTRIBUTE_TYPE = { float: 1, int: 2, ints: 7 } as const;

const attributeProto: Schema<AttributeProto> = {
  name: { number: 1, kind: "text" },
  f: { number: 2, kind: "float", optional: true },
  i: { number: 3, kind: "int", optional: true },
  ints: { number: 8, kind: "int", repeated: true },
  type: { number: 20, kind: "int" },
};

const nodeProto: Schema<NodeProto> = {
  input: { number: 1, kind: "text", repeated: true },
  output: { number: 2, kind: "text", repeated: true },
  name: { number: 3, kind: "text" },
  opType: { number: 4, kind: "text" },
  attribute: { number: 5, kind: attributeProto, repeated: true },
};

const tensorProto: Schema<TensorProto> = {
  dims: { number: 1, kind: "int", repeated: true },
  dataType: { number: 2, kind: "int" },
  name: { number: 8, kind: "text" },
  rawData: { number: 9, kind: "bytes" },
};

const dimension: Schema<Dimension> = { dimValue: { number: 1, kind: "int", optional: true }, dimParam: { number: 2, kind: "text", optional: true } };

const valueInfoProto: Schema<ValueInfoProto> = {
  name: { number: 1, kind: "text" },
  type: {
    number: 2,
    kind: {
      tensorType: {
        number: 1,
        kind: {
          elemType: { number: 1, kind: "int" },
          shape: { number: 2, kind: { dim: { number: 1, kind: dimension, repeated: true } } },
        },
      },
    },
  },
};

export const modelProto: Schema<ModelProto> = {
  irVersion: { number: 1, kind: "int" },
  producerName: { number: 2, kind: "text" },
  producerVersion: { number: 3, kind: "text" },
  graph: {
    number: 7,
    kind: {
      node: { number: 1, kind: nodeProto, repeated: true },
      name: { number: 2, kind: "text" },
      initializer: { number: 5, kind: tensorProto, repeated: true },
      input: { number: 11, kind: valueInfoProto, repeated: true },
      output: { number: 12, kind: valueInfoProto, repeated: true },
    },
  },
  opsetImport: { number: 8, kind: { domain: { number: 1, kind: "text" }, version: { number: 2, kind: "int" } }, repeated: true },
  metadataProps: { number: 14, kind: { key: { number: 1, kind: "text" }, value: { number: 2, kind: "text" } }, repeated: true },
};
