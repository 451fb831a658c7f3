import type { Addon, DType, Handle } from "../backend/addon";

/** A float, int or byte array in the backend's memory with a shape, and how it was computed if gradients are to flow through it. */
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
  ) {
    scopes.at(-1)?.add(this);
    made?.add(this);
  }

  get size(): number {
    return this.shape.reduce((product, extent) => product * extent, 1);
  }

  /**
   * Set by `backward` on what it reached and has no history of its own (parameters): same shape, lives in the scope in which `backward`
   * ran. Several passes in one scope add up; with the scope's end it is null again.
   */
  get grad(): Tensor | null {
    return this.#grad?.released ? null : this.#grad;
  }
  set grad(gradient: Tensor | null) {
    this.#grad = gradient;
  }

  /** The same memory under another shape of equal size. Gradients flow through. */
  reshape(shape: readonly number[]): Tensor {
    const y = new Tensor(backend().view(this.handle, shape), this.dtype, shape);
    return record(y, [this], (dy) => [dy.reshape(this.shape)]);
  }

  /** A copy of the content, row-major, of f32 or bf16. Throws if the tensor is not of that type. */
  toFloat32(): Float32Array {
    const values = backend().read(this.handle);
    return values instanceof Uint16Array ? fromBf16(values) : expectArray(values, Float32Array);
  }
  /** The content as it will be when all that was called so far is done; what is returned waits for that, once. */
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

  /** Gives the memory back now. A tensor made in a scope need not be released. */
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

/** bf16 by its bits -> the same numbers. */
function fromBf16(bits: Uint16Array): Float32Array {
  return new Float32Array(Uint32Array.from(bits, (half) => half << 16).buffer);
}

/** Bits of bf16, rounded to nearest, ties to even; of numbers that are not NaN. */
function toBf16(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return Uint16Array.from(bits, (word) => (word + 0x7fff + ((word >>> 16) & 1)) >>> 16);
}

/**
 * How a tensor was made: `backward` turns its gradient dy into the gradients of its inputs, in their order, null where there is none.
 * It returns new tensors or views of dy, never dy itself: each is released once it was used.
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
export function empty(shape: readonly number[], dtype: DType = "f32"): Tensor {
  return new Tensor(backend().alloc(dtype, shape), dtype, shape);
}

/** A new tensor of the shape and type of `x`, with undefined content. */
export function emptyLike(x: Tensor): Tensor {
  return empty(x.shape, x.dtype);
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
 * Runs `body`; every tensor made in it is released at the end, except those passed to `keep`. Scopes nest. `body` must not be
 * asynchronous: what runs in between would allocate into the wrong scope.
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

/** Moves a tensor out of the current scope into the surrounding one (none: it lives until `release`). */
export function keep<T extends Tensor>(tensor: T): T {
  if (scopes.at(-1)?.delete(tensor)) scopes.at(-2)?.add(tensor);
  return tensor;
}

/** Runs `body` outside of all scopes: what it makes lives until `release`. For weights and the optimizer's state. */
export function unscoped<T>(body: () => T): T {
  const suspended = scopes.splice(0);
  try {
    return body();
  } finally {
    scopes.push(...suspended);
  }
}

let made: Set<Tensor> | null = null;

/** Runs `body`; if it throws, as when memory runs out, every tensor that it made is released, outside of scopes too. */
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

/** Runs `body` without recording how tensors were made. */
export function noGrad<T>(body: () => T): T {
  const before = recording;
  recording = false;
  try {
    return body();
  } finally {
    recording = before;
  }
}

/** Runs `body` and frees all that it made but its result, unless gradients are recorded: then the backward pass needs the rest. */
export function keepResult(body: () => Tensor): Tensor {
  return recording ? body() : scope(() => keep(body()));
}

/** True if an op on these inputs should keep what its backward pass needs. */
export function needsGrad(...inputs: (Tensor | null)[]): boolean {
  return recording && inputs.some((input) => input?.requiresGrad);
}

/** Notes on `y` how it was made from `inputs` (null: an optional input left out), if a gradient is wanted of any of them. */
export function record(y: Tensor, inputs: Node["inputs"], backward: Node["backward"]): Tensor {
  if (needsGrad(...inputs)) {
    y.requiresGrad = true;
    y.node = { order: nextOrder++, inputs, backward };
  }
  return y;
}

/** For the gradient of `input`: a new tensor like it, or null if none is wanted. */
export function gradientOf(input: Tensor | null): Tensor | null {
  return input?.requiresGrad ? emptyLike(input) : null;
}

/**
 * Walks from `y` back to the parameters and sets their `grad`; a gradient that arrives over several paths is summed.
 * `dy` is the gradient of the objective with respect to `y` (default: ones). Gradients in between are freed as soon as they were used.
 */
export function backward(y: Tensor, dy?: Tensor): void {
  if (!y.node) throw new Error("backward: expected a tensor computed from parameters, got one without a history");
  noGrad(() => {
    const gradients = new Map<Tensor, Tensor>([[y, dy?.reshape(y.shape) ?? full(y.shape, 1, y.dtype)]]);
    // Inputs were made before outputs, so walking by falling order meets a tensor after all its users.
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

/** Releases `earlier`, whose place the sum takes. */
function sum(earlier: Tensor | null | undefined, later: Tensor): Tensor {
  if (!earlier) return later;
  const y = emptyLike(later);
  backend().add({ a: earlier.handle, b: later.handle, y: y.handle });
  earlier.release();
  return y;
}
