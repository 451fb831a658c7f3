/** Arrays of numbers with a shape, as the reference evaluation of a graph computes with them. */
import { DATA_TYPE, type DataType, type TensorProto } from "./proto";

export type Numbers = Float32Array | Float64Array | Int32Array | Uint8Array;

export interface NdArray {
  type: DataType;
  shape: readonly number[];
  /** int64 as doubles, which are exact up to 2^53. */
  values: Numbers;
}

const STORES: Readonly<Record<DataType, new (length: number) => Numbers>> = {
  float: Float32Array,
  double: Float64Array,
  int64: Float64Array,
  int32: Int32Array,
  uint8: Uint8Array,
  int8: Int32Array,
  bool: Uint8Array,
};

export const sizeOf = (shape: readonly number[]): number => shape.reduce((product, extent) => product * extent, 1);

export function arrayOf(type: DataType, shape: readonly number[], valueAt: (index: number) => number): NdArray {
  const values = new STORES[type](sizeOf(shape));
  for (let i = 0; i < values.length; i++) values[i] = valueAt(i);
  return { type, shape, values };
}

export const floatArray = (shape: readonly number[], values: Float32Array): NdArray => ({ type: "float", shape, values });

export function storedArray({ name, dims, dataType, rawData }: TensorProto): NdArray {
  const type = typeNamed(dataType);
  const bytes = new Uint8Array(rawData).buffer;
  const values =
    type === "float"
      ? new Float32Array(bytes)
      : type === "double"
        ? new Float64Array(bytes)
        : type === "int64"
          ? Float64Array.from(new BigInt64Array(bytes), Number)
          : new Uint8Array(bytes);
  if (values.length !== sizeOf(dims)) throw new Error(`${name}: ${values.length} values do not make the shape [${dims}]`);
  return { type, shape: dims, values };
}

export function typeNamed(dataType: number): DataType {
  return (Object.keys(DATA_TYPE) as DataType[]).find((type) => DATA_TYPE[type] === dataType)!;
}

/** Elements to step over for the next one along each axis. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = shape.map(() => 1);
  for (let axis = shape.length - 2; axis >= 0; axis--) strides[axis] = strides[axis + 1]! * shape[axis + 1]!;
  return strides;
}

/** x seen in another shape, by the strides of each axis: calls `take` with the index in x of each element in turn. */
export function eachAt(shape: readonly number[], strides: readonly number[], take: (from: number, at: number) => void, start = 0): void {
  const size = sizeOf(shape);
  const last = shape.length - 1;
  const place = shape.map(() => 0);
  let from = start;
  for (let at = 0; at < size; at++) {
    take(from, at);
    for (let axis = last; axis >= 0; axis--) {
      from += strides[axis]!;
      if (++place[axis]! < shape[axis]!) break;
      from -= strides[axis]! * shape[axis]!;
      place[axis] = 0;
    }
  }
}

export function broadcastShape(shapes: readonly (readonly number[])[]): number[] {
  const rank = Math.max(...shapes.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, axis) => Math.max(...shapes.map((shape) => shape[axis - rank + shape.length] ?? 1)));
}

/** The index in x of each element of the shape, to which x is repeated along axes of 1; null if x has that shape. */
export function broadcastIndex(x: NdArray, shape: readonly number[]): ((at: number) => number) | null {
  if (String(x.shape) === String(shape)) return null;
  const size = x.values.length;
  if (size === 1) return () => 0;
  const rest = x.shape.slice(x.shape.findIndex((extent) => extent !== 1));
  if (String(rest) === String(shape.slice(shape.length - rest.length))) return (at) => at % size;
  const strides = stridesOf(x.shape);
  const missing = shape.length - x.shape.length;
  const indices = new Int32Array(sizeOf(shape));
  eachAt(
    shape,
    shape.map((_, axis) => (axis < missing || x.shape[axis - missing] === 1 ? 0 : strides[axis - missing]!)),
    (from, at) => {
      indices[at] = from;
    },
  );
  return (at) => indices[at]!;
}
