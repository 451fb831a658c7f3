import type { Graph, Value } from "./graph";
import { transpose } from "./ops";

/**
 * Images u8 [N,H,W,3] of any size, which a batch shares -> [N,3,Z,Z], 0 ... 255, as `prepareFile` and `assembleBatch` make a network's input: a square
 * smaller than Z is enlarged (native/resampling.h); of any other image, the shorter side becomes Z and the middle is taken, rounded as Pillow does
 * (native/cpu/fit_image.cpp). Whole multiples of 2^-22 are exact in doubles, so the result is the same to the bit.
 */
export function fitImage(graph: Graph, images: Value, side: number): Value {
  const shape = graph.op("Shape", [images], { shape: [4] });
  const [H, W] = [1, 2].map((axis) => graph.op("Gather", [shape, whole(graph, axis)], { attributes: { axis: 0 }, shape: [] })) as [Value, Value];
  const [N] = images.shape;
  const isSquare = graph.op("Equal", [H, W], { shape: [] });
  const isSmall = graph.op("And", [isSquare, graph.op("Less", [H, whole(graph, side)], { shape: [] })], { shape: [] });
  const fit: Fit = { side, isSmall, shorter: graph.op("Min", [H, W], { shape: [] }) };
  const x = transpose(graph, graph.op("Cast", [images], { attributes: { to: DOUBLE } }), [0, 3, 1, 2]);
  const columns = transpose(graph, weightsOf(graph, W, fit), [1, 0]);
  const narrowed = rounded(graph, graph.op("MatMul", [x, columns], { shape: [N!, 3, "height", side] }), 1, fit);
  const fitted = rounded(graph, graph.op("MatMul", [weightsOf(graph, H, fit), narrowed], { shape: [N!, 3, side, side] }), 1, fit);
  return graph.op("Cast", [fitted], { attributes: { to: FLOAT } });
}

/** (x / 255 - mean) / std of [N,3,Z,Z] */
export function normalized(graph: Graph, x: Value, { mean, std }: { mean: readonly number[]; std: readonly number[] }): Value {
  const channels = (values: readonly number[]) => graph.constant("float", values, [1, 3, 1, 1]);
  const shifted = graph.op("Sub", [graph.op("Div", [x, graph.constant("float", 255)]), channels(mean)]);
  return graph.op("Div", [shifted, channels(std)]);
}

/** TensorProto.DataType, as Cast takes it. */
const [FLOAT, DOUBLE] = [1, 11];
/** Parts of 1 of which Pillow's weights are whole multiples. */
const PARTS = 2 ** 22;

interface Fit {
  side: number;
  /** Whether the image is a square that is enlarged, without rounding. */
  isSmall: Value;
  /** Of its sides. */
  shorter: Value;
}

/** Weights [Z,length] of the pixels along a side, for the pixels of the middle Z of the resized one: a triangle around each one's centre. */
function weightsOf(graph: Graph, length: Value, fit: Fit): Value {
  const { side } = fit;
  const op = (type: string, ...inputs: Value[]) => graph.op(type, inputs);
  const number = (value: number) => graph.constant("double", value);
  const double = (value: Value) => graph.op("Cast", [value], { attributes: { to: DOUBLE } });
  // torchvision: int(side * long / short), of which the rest is halved to the even number.
  const resized = op("Div", op("Mul", length, whole(graph, side)), fit.shorter);
  const begin = halfToEven(graph, op("Sub", resized, whole(graph, side)));
  const scale = op("Div", double(length), double(resized));
  const radius = op("Max", scale, number(1));
  const halves = graph.constant(
    "double",
    Array.from({ length: side }, (_, i) => i + 0.5),
    [side, 1],
  );
  const centres = op("Mul", op("Add", halves, double(begin)), scale);
  const pixels = graph.op("Range", [number(0), double(length), number(1)], { shape: ["length"] });
  const distances = graph.op("Add", [op("Sub", pixels, centres), number(0.5)], { shape: [side, "length"] });
  const heights = op("Relu", op("Sub", number(1), op("Abs", op("Mul", distances, op("Div", number(1), radius)))));
  const sums = graph.op("ReduceSum", [heights, graph.constant("int64", [1])], { attributes: { keepdims: 1 } });
  return rounded(graph, graph.op("Div", [heights, sums], { shape: [side, "length"] }), PARTS, fit);
}

/** To whole multiples of 1 / parts, but of a small square. */
function rounded(graph: Graph, x: Value, parts: number, { isSmall }: Fit): Value {
  const number = (value: number) => graph.constant("double", value);
  const scaled = parts === 1 ? x : graph.op("Mul", [x, number(parts)]);
  const nearest = graph.op("Floor", [graph.op("Add", [scaled, number(0.5)])]);
  return graph.op("Where", [isSmall, x, parts === 1 ? nearest : graph.op("Div", [nearest, number(parts)])], { shape: x.shape });
}

/** Half of a whole number, at least 0. */
function halfToEven(graph: Graph, value: Value): Value {
  const two = whole(graph, 2);
  const half = graph.op("Div", [value, two]);
  return graph.op("Add", [half, graph.op("Mul", [graph.op("Mod", [value, two]), graph.op("Mod", [half, two])])]);
}

const whole = (graph: Graph, value: number) => graph.constant("int64", value);
