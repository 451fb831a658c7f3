// The ops that dominate the time of models, as calls for the driver, which times each and compares it with the roofline.
import { scope } from "../../src-main/tensor/tensor";
import { inBf16, resultTensors } from "../ops/cases";
import { product } from "../reference/formula";
import { gradientOf, numbersOf, titleOf } from "./cases";
import { type CallTensors, RecordedCalls, recordCalls } from "./recorded-calls";
import { MODEL_SIZES } from "./sizes";

const BYTES = { f32: 4, bf16: 2, i32: 4, u8: 1 };

type Shape = readonly number[];

const productFlops = (y: Shape, weight: Shape) => 2 * product(y) * product(weight.slice(1));
const scoreFlops = (y: Shape, qkv: Shape) => 2 * product(y) * qkv[1]!;

/** Operations of an op from its arguments' shapes; a multiply-add counts as two. Ops that are not listed are bound by memory. */
const FLOPS: Record<string, (shapes: Record<string, Shape>) => number> = {
  linear_forward: ({ y, weight }) => productFlops(y!, weight!),
  linear_backward_input: ({ dy, weight }) => productFlops(dy!, weight!),
  linear_backward_weight: ({ dy, dweight }) => productFlops(dy!, dweight!),
  mlp_forward: ({ hidden, firstWeight, y, secondWeight }) => productFlops(hidden!, firstWeight!) + productFlops(y!, secondWeight!),
  mlp_backward_input: ({ dy, secondWeight, dhidden, firstWeight }) => productFlops(dy!, secondWeight!) + productFlops(dhidden!, firstWeight!),
  conv2d_forward: ({ y, weight }) => productFlops(y!, weight!),
  conv2d_backward_input: ({ dy, weight }) => productFlops(dy!, weight!),
  conv2d_backward_weight: ({ dy, dweight }) => productFlops(dy!, dweight!),
  attention_forward: ({ y, qkv }) => 2 * scoreFlops(y!, qkv!),
  attention_backward: ({ dy, qkv }) => 5 * scoreFlops(dy!, qkv!),
};

/** Arguments that an op has to read twice, the second time once it knows their statistics. */
const READ_TWICE: Record<string, string[]> = { batch_norm_forward_train: ["x"], batch_norm_backward: ["x", "dy"] };

export function timedOps(): string {
  return MODEL_SIZES.flatMap((test) => [test, inBf16(test)[0]!])
    .map((test) => {
      const calls = new RecordedCalls((op, tensors) => calls.add(`time ${costOf(op, tensors)}`));
      return recordCalls(titleOf(test), () => scope(() => resultTensors(test, numbersOf(test, calls), (y) => gradientOf(test, y, calls))), calls);
    })
    .join("");
}

/** "bf16 FLOPS BYTES": the precision that it computes in, and the minimum that it needs. */
function costOf(op: string, tensors: CallTensors): string {
  const shapes = Object.fromEntries(Object.entries(tensors).map(([name, { shape }]) => [name, shape]));
  const bytes = [...Object.keys(tensors), ...(READ_TWICE[op] ?? [])].reduce((sum, name) => {
    const { dtype, shape } = tensors[name]!;
    return sum + BYTES[dtype] * product(shape);
  }, 0);
  const precision = Object.values(tensors).some(({ dtype }) => dtype === "bf16") ? "bf16" : "fp32";
  return `${precision} ${FLOPS[op]?.(shapes) ?? 0} ${bytes}`;
}
