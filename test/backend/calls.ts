import type { Addon, DType, Handle } from "../../src-main/backend/addon";
import { loadAddon } from "../../src-main/backend/load";
import type { Call, Spec } from "./specs";

export const addon: Addon = loadAddon();

export { anyShape, type Call, mayShare, ops, type Spec } from "./specs";

/** Runs `body` with the arguments of a correct call; what was allocated for it is released at the end. */
export function withArguments<T>(call: Call, body: (values: Record<string, unknown>) => T): T {
  const handles: Handle[] = [];
  const zeros = (dtype: DType, shape: number[]) => {
    const y = addon.alloc(dtype, shape);
    handles.push(y);
    addon.fill({ y, value: 0 });
    return y;
  };
  const make = (spec: Spec) => {
    if (spec.kind === "tensor") return zeros(spec.dtype, spec.shape);
    return spec.kind === "tensors" ? spec.shapes.map((shape) => zeros("f32", shape)) : spec.value;
  };
  try {
    return body(Object.fromEntries(Object.entries(call).map(([name, spec]) => [name, make(spec)])));
  } finally {
    for (const handle of handles) addon.release(handle);
  }
}

/** Calls a method by name with any arguments, as an untyped program could. */
export function callAny(method: string, ...values: unknown[]): unknown {
  return (addon as unknown as Record<string, (...values: unknown[]) => unknown>)[method]!(...values);
}

/** linearForward -> linear_forward, its name in errors */
export const nameInErrors = (op: string) => op.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
