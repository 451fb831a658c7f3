import type { Addon, DType, Handle } from "../../src-main/backend/addon";
import { empty, type Tensor } from "../../src-main/tensor/tensor";

const ARRAYS = { f32: Float32Array, bf16: Uint16Array, i32: Int32Array, u8: Uint8Array };

/** Handles of tensors count from here, far below every other number of a call. */
const FIRST = -(2 ** 52);
const isHandle = (value: number) => value < FIRST / 2;

/**
 * An addon that computes nothing and notes down how it is called, as lines that native/cuda/bench/calls.h describes. It says that it can record.
 * What is read of it is zero.
 */
export class NotedCalls {
  readonly lines: string[] = [];
  readonly #tensors = new Map<Handle, { dtype: DType; size: number }>();
  readonly #reads = new Map<number, Handle>();
  #nextTensor = FIRST;
  #nextNumber = 1;

  readonly addon: Addon = new Proxy({} as Addon, {
    get: (_, method: string) => this.#methods[method as keyof Addon] ?? ((options: Record<string, unknown>) => this.#note(snakeCase(method), options)),
  });

  /** A line that is no call, such as `compare`. */
  add(line: string): void {
    this.lines.push(line);
  }

  /** A tensor of numbers by formula: fractions in offset -+ scale, or whole numbers below `below`. */
  numbers(dtype: DType, shape: readonly number[], { scale = 1, offset = 0, below = 0 } = {}): Tensor {
    const y = empty(shape, dtype);
    this.add(`numbers ${name(y.handle)} ${scale} ${offset} ${below}`);
    return y;
  }

  readonly #methods: Partial<Addon> = {
    alloc: (dtype, shape) => this.#new("alloc", dtype, [dtype], shape),
    view: (tensor, shape) => this.#new("view", this.#tensors.get(tensor)!.dtype, [name(tensor)], shape),
    release: (tensor) => this.add(`release ${name(tensor)}`),
    write: (tensor, values) => this.add(`write ${name(tensor)} ${values.join(" ")}`),
    read: (tensor) => {
      this.add(`read ${name(tensor)}`);
      return this.#zeros(tensor);
    },
    readLater: (tensor) => {
      const read = this.#nextNumber++;
      this.#reads.set(read, tensor);
      this.add(`read_later ${read} ${name(tensor)}`);
      return read;
    },
    takeRead: (read) => {
      this.add(`take_read ${read}`);
      return this.#zeros(this.#reads.get(read)!);
    },
    canRecord: () => true,
    beginRecording: () => this.add("begin_recording"),
    endRecording: () => {
      this.add(`end_recording ${this.#nextNumber}`);
      return this.#nextNumber++;
    },
    replay: (recording) => this.add(`replay ${recording}`),
    releaseRecording: (recording) => this.add(`release_recording ${recording}`),
  };

  #new(method: string, dtype: DType, words: string[], shape: readonly number[]): Handle {
    const handle = this.#nextTensor++;
    this.#tensors.set(handle, { dtype, size: shape.reduce((size, extent) => size * extent, 1) });
    this.add([method, name(handle), ...words, shape.join(",")].join(" ").trimEnd());
    return handle;
  }

  #zeros(tensor: Handle) {
    const { dtype, size } = this.#tensors.get(tensor)!;
    return new ARRAYS[dtype](size);
  }

  #note(method: string, options: Record<string, unknown>): void {
    const given = Object.entries(options).filter(([, value]) => value !== null && value !== undefined);
    this.add([method, ...given.map(([option, value]) => `${option}=${text(value)}`)].join(" "));
  }
}

/** A list ends with a comma, so that one of a single element is one too. */
function text(value: unknown): string {
  if (Array.isArray(value)) return value.map((element) => `${text(element)},`).join("");
  return typeof value === "number" && isHandle(value) ? name(value) : String(value);
}

const name = (tensor: Handle) => `#${tensor - FIRST}`;

/** conv2dForward -> conv2d_forward, as ops.h has it */
const snakeCase = (method: string) => method.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
