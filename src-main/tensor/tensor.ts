import type { Addon, DType, Handle } from "../backend/addon";

/** A float, int or byte array in the backend's memory with a shape and, if gradients flow through it, a record of how it was computed. */
export class Tensor {
  requiresGrad = false;
  node: Node | null = null;
  #grad: Tensor | null = null;
  #released = false;

  /** Takes ownership of the handle. Use `empty`, `fromArray` and the ops instead. */
  constructor(
    readonly handle: Handle,
    readonly dtype: DType,
    readonly shape: readonly number[],
    /** Whether these are images stored [H,W,N,C] instead of [N,H,W,C] (tensor/ops/image-layout.ts). */
    readonly hwnc = false,
  ) {
    scopes.at(-1)?.add(this);
    made?.add(this);
  }

  get size(): number {
    return this.shape.reduce((product, extent) => product * extent, 1);
  }

  /**
   * Set by `backward` on the tensors without a history that it reaches (parameters). It has the same shape and lives in the scope in which
   * `backward` ran. Several passes in one scope accumulate; when the scope ends, it is null again.
   */
  get grad(): Tensor | null {
    return this.#grad?.released ? null : this.#grad;
  }
  set grad(gradient: Tensor | null) {
    this.#grad = gradient;
  }

  /** The same memory with another shape of equal size. Gradients flow through. */
  reshape(shape: readonly number[], hwnc = false): Tensor {
    const y = new Tensor(backend().view(this.handle, shape), this.dtype, shape, hwnc);
    return record(y, [this], (dy) => [dy.reshape(this.shape, this.hwnc)]);
  }

  /** A row-major copy of the content of an f32 or bf16 tensor. Throws if it has another type. */
  toFloat32(): Float32Array {
    const values = backend().read(this.handle);
    return values instanceof Uint16Array ? fromBf16(values) : expectArray(values, Float32Array);
  }
  /** The content after all calls made so far. This call does not wait; the returned function does, and may be called once. */
  toFloat32Later(): () => Float32Array {
    const read = backend().readLater(this.handle);
    return () => expectArray(backend().takeRead(read), Float32Array);
  }
  toInt32(): Int32Array {
    return expectArray(backend().read(this.handle), Int32Array);
  }
  toUint8(): Uint8Array {
    return expectArray(backend().read(this.handle), Uint8Array);
  }

  get released(): boolean {
    return this.#released;
  }

  /** Frees the memory now. A tensor created in a scope need not be released. */
  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.node = null;
    backend().release(this.handle);
  }
}

function expectArray<T>(values: unknown, type: abstract new (...args: never[]) => T): T {
  if (values instanceof type) return values;
  throw new TypeError(`expected a tensor read as ${type.name}, got ${(values as object).constructor.name}`);
}

/** Bits of bf16 -> the same numbers. */
function fromBf16(bits: Uint16Array): Float32Array {
  return new Float32Array(Uint32Array.from(bits, (half) => half << 16).buffer);
}

/** Numbers -> bits of bf16, rounded to nearest, ties to even. The numbers must not be NaN. */
function toBf16(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return Uint16Array.from(bits, (word) => (word + 0x7fff + ((word >>> 16) & 1)) >>> 16);
}

/**
 * How a tensor was computed: `backward` turns its gradient dy into the gradients of its inputs, in order, null where there is none. It
 * returns new tensors or views of dy, never dy itself: each is released after use.
 */
export interface Node {
  readonly order: number;
  readonly inputs: readonly (Tensor | null)[];
  readonly backward: (dy: Tensor) => (Tensor | null | undefined)[];
}

// ---- The backend in use: set once at start-up -------------------------------------------------------------------------------------

let addon: Addon | null = null;

export function useBackend(backend: Addon): void {
  addon = backend;
}

export function backend(): Addon {
  if (!addon) throw new Error("no backend: call useBackend(loadAddon()) first");
  return addon;
}

// ---- Making tensors ---------------------------------------------------------------------------------------------------------------

/** A new tensor with undefined content. */
export function empty(shape: readonly number[], dtype: DType = "f32", hwnc = false): Tensor {
  return new Tensor(backend().alloc(dtype, shape), dtype, shape, hwnc);
}

/** A new tensor with the shape, type and layout of `x` and undefined content. */
export function emptyLike(x: Tensor): Tensor {
  return empty(x.shape, x.dtype, x.hwnc);
}

export function full(shape: readonly number[], value: number, dtype: DType = "f32"): Tensor {
  const y = empty(shape, dtype);
  backend().fill({ y: y.handle, value });
  return y;
}

/** The type follows the array: Float32Array f32 (or bf16, rounded), Int32Array i32, Uint8Array u8. */
export function fromArray(values: Float32Array | Int32Array | Uint8Array, shape: readonly number[], floats: "f32" | "bf16" = "f32"): Tensor {
  const dtype = values instanceof Float32Array ? floats : values instanceof Int32Array ? "i32" : "u8";
  const y = empty(shape, dtype);
  backend().write(y.handle, dtype === "bf16" ? toBf16(values as Float32Array) : values);
  return y;
}

// ---- Memory by scope --------------------------------------------------------------------------------------------------------------

const scopes: Set<Tensor>[] = [];

/**
 * Runs `body` and releases every tensor created in it at the end, except those passed to `keep`. Scopes nest. `body` must not be
 * asynchronous: code that runs in between would allocate in the wrong scope.
 */
export function scope<T>(body: () => T): T {
  const tensors = new Set<Tensor>();
  scopes.push(tensors);
  try {
    return body();
  } finally {
    scopes.pop();
    for (const tensor of tensors) tensor.release();
  }
}

/** Moves a tensor from the current scope to the enclosing one (if there is none, it lives until `release`). */
export function keep<T extends Tensor>(tensor: T): T {
  if (scopes.at(-1)?.delete(tensor)) scopes.at(-2)?.add(tensor);
  return tensor;
}

/** Runs `body` outside all scopes: its tensors live until `release`. For weights and the optimizer's state. */
export function unscoped<T>(body: () => T): T {
  const suspended = scopes.splice(0);
  try {
    return body();
  } finally {
    scopes.push(...suspended);
  }
}

let made: Set<Tensor> | null = null;

/** Runs `body`. If it throws, for instance because memory runs out, every tensor that it created is released, even outside scopes. */
export function allOrNone<T>(body: () => T): T {
  const outer = made;
  const own = new Set<Tensor>();
  made = own;
  try {
    return body();
  } catch (error) {
    for (const tensor of own) tensor.release();
    throw error;
  } finally {
    made = outer;
    for (const tensor of own) outer?.add(tensor);
  }
}

// ---- Gradients --------------------------------------------------------------------------------------------------------------------

let recording = true;
let nextOrder = 0;

/** Runs `body` without recording how tensors are computed. */
export function noGrad<T>(body: () => T): T {
  const before = recording;
  recording = false;
  try {
    return body();
  } finally {
    recording = before;
  }
}

/** Runs `body` and frees every tensor that it created except its result, unless gradients are recorded: then the backward pass needs the rest. */
export function keepResult(body: () => Tensor): Tensor {
  return recording ? body() : scope(() => keep(body()));
}

/** Whether an op on these inputs should keep what its backward pass needs. */
export function needsGrad(...inputs: (Tensor | null)[]): boolean {
  return recording && inputs.some((input) => input?.requiresGrad);
}

/** Records on `y` how it was computed from `inputs` (null: an optional input left out), if any of them needs a gradient. */
export function record(y: Tensor, inputs: Node["inputs"], backward: Node["backward"]): Tensor {
  if (needsGrad(...inputs)) {
    y.requiresGrad = true;
    y.node = { order: nextOrder++, inputs, backward };
  }
  return y;
}

/** For the gradient of `input`: a new tensor like it, or null if none is needed. */
export function gradientOf(input: Tensor | null): Tensor | null {
  return input?.requiresGrad ? emptyLike(input) : null;
}

/**
 * Walks from `y` back to the parameters and sets their `grad`; a gradient that arrives over several paths is summed.
 * `dy` is the gradient of the objective with respect to `y` (default: ones). Intermediate gradients are freed right after use.
 */
export function backward(y: Tensor, dy?: Tensor): void {
  if (!y.node) throw new Error("backward: expected a tensor computed from parameters, got one without a history");
  noGrad(() => {
    const gradients = new Map<Tensor, Tensor>([[y, dy?.reshape(y.shape) ?? full(y.shape, 1, y.dtype)]]);
    // Inputs are created before outputs, so walking in descending order visits a tensor after all its users.
    for (const { tensor, node } of historyByFallingOrder(y)) {
      const gradient = gradients.get(tensor);
      if (!gradient) continue;
      gradients.delete(tensor);
      scope(() => {
        for (const [i, dinput] of node.backward(gradient).entries()) {
          const input = node.inputs[i];
          if (!input?.requiresGrad || !dinput) continue;
          if (input.node) gradients.set(input, keep(sum(gradients.get(input), dinput)));
          else input.grad = keep(sum(input.grad, dinput));
        }
      });
      gradient.release();
    }
  });
}

function historyByFallingOrder(y: Tensor): { tensor: Tensor; node: Node }[] {
  const history = new Map<Tensor, Node>();
  const pending: (Tensor | null)[] = [y];
  for (let tensor = pending.pop(); tensor !== undefined; tensor = pending.pop()) {
    if (!tensor?.node || history.has(tensor)) continue;
    history.set(tensor, tensor.node);
    pending.push(...tensor.node.inputs);
  }
  return [...history].map(([tensor, node]) => ({ tensor, node })).sort((a, b) => b.node.order - a.node.order);
}

/** Releases `earlier`, which the sum replaces. */
function sum(earlier: Tensor | null | undefined, later: Tensor): Tensor {
  if (!earlier) return later;
  const y = emptyLike(later);
  backend().add({ a: earlier.handle, b: later.handle, y: y.handle });
  earlier.release();
  return y;
}
