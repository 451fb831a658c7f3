import type { Addon, DType, Handle } from "../../src-main/backend/addon";
import { empty, type Tensor, useBackend } from "../../src-main/tensor/tensor";
import { product } from "../reference/formula";

const ARRAYS = { f32: Float32Array, bf16: Uint16Array, i32: Int32Array, u8: Uint8Array };

/** Handles of tensors count from here, far below every other number of a call. */
const FIRST = -(2 ** 52);
const isHandle = (value: number) => value < FIRST / 2;

interface Allocated {
  dtype: DType;
  shape: readonly number[];
}

/** Tensors that a call takes, by argument name, without those in lists. */
export type CallTensors = Record<string, Allocated>;

/**
 * An addon that computes nothing and records how it is called, as lines in the format of native/testing/driver/calls.h. It claims that it can
 * record. Reads return zeros.
 */
export class RecordedCalls {
  readonly lines: string[] = [];
  readonly #tensors = new Map<Handle, Allocated>();
  readonly #reads = new Map<number, Handle>();
  /** The first line of the work that is being recorded. */
  #recordedFrom: number | null = null;
  #nextTensor = FIRST;
  #nextNumber = 1;

  /** `beforeOp` is called before each op is recorded, with its name in ops.h. */
  constructor(private readonly beforeOp: (op: string, tensors: CallTensors) => void = () => {}) {}

  readonly addon: Addon = new Proxy({} as Addon, {
    get: (_, method: string) => this.#methods[method as keyof Addon] ?? ((options: object) => this.#op(snakeCase(method), options)),
  });

  /** Adds a line that is not a call, such as `compare`. */
  add(line: string): void {
    this.lines.push(line);
  }

  /** A tensor of numbers by formula: fractions in offset -+ scale, or offset + scale times whole numbers below `below`. `of`: their name in formula.ts. */
  numbers(dtype: DType, shape: readonly number[], { scale = 1, offset = 0, below = 0, of = "" } = {}): Tensor {
    const y = empty(shape, dtype);
    this.add(`numbers ${name(y.handle)} ${scale} ${offset} ${below} ${of}`.trimEnd());
    return y;
  }

  /** Reads a tensor, under a name for messages. */
  read(tensor: Tensor, as: string): void {
    this.add(`read ${name(tensor.handle)} ${as}`);
  }

  /** Runs `body` and puts its calls before the work that is being recorded, in which writing is not allowed. */
  beforeRecording<T>(body: () => T): T {
    const recorded = this.lines.splice(this.#recordedFrom ?? this.lines.length);
    const result = body();
    if (this.#recordedFrom !== null) this.#recordedFrom = this.lines.length;
    this.lines.push(...recorded);
    return result;
  }

  readonly #methods: Partial<Addon> = {
    device: () => "cuda",
    copy: (options) => this.#write("copy", options),
    fill: (options) => this.#write("fill", options),
    alloc: (dtype, shape) => this.#new("alloc", dtype, [dtype], shape),
    view: (tensor, shape) => this.#new("view", this.#tensors.get(tensor)!.dtype, [name(tensor)], shape),
    release: (tensor) => this.add(`release ${name(tensor)}`),
    write: (tensor, values) => this.add(`write ${name(tensor)} ${(values instanceof Uint16Array ? fromBf16(values) : values).join(" ")}`),
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
    beginRecording: () => {
      this.#recordedFrom = this.lines.length;
      this.add("begin_recording");
    },
    endRecording: () => {
      this.#recordedFrom = null;
      this.add(`end_recording ${this.#nextNumber}`);
      return this.#nextNumber++;
    },
    replay: (recording) => this.add(`replay ${recording}`),
    releaseRecording: (recording) => this.add(`release_recording ${recording}`),
  };

  #new(method: string, dtype: DType, words: string[], shape: readonly number[]): Handle {
    const handle = this.#nextTensor++;
    this.#tensors.set(handle, { dtype, shape });
    this.add([method, name(handle), ...words, shape.join(",")].join(" ").trimEnd());
    return handle;
  }

  #zeros(tensor: Handle) {
    const { dtype, shape } = this.#tensors.get(tensor)!;
    return new ARRAYS[dtype](product(shape));
  }

  #op(method: string, options: object): void {
    const tensors = Object.entries(options).flatMap(([option, value]) => (this.#tensors.has(value) ? [[option, this.#tensors.get(value)!]] : []));
    this.beforeOp(method, Object.fromEntries(tensors));
    this.#write(method, options);
  }

  #write(method: string, options: object): void {
    const given = Object.entries(options).filter(([, value]) => value !== null && value !== undefined);
    this.add([method, ...given.map(([option, value]) => `${option}=${text(value)}`)].join(" "));
  }
}

/** Bits of bf16 -> the same numbers. */
const fromBf16 = (bits: Uint16Array) => new Float32Array(Uint32Array.from(bits, (upper) => upper << 16).buffer);

/** A list ends with a comma, so that one of a single element is recognised as a list. */
function text(value: unknown): string {
  if (Array.isArray(value)) return value.map((element) => `${text(element)},`).join("");
  return typeof value === "number" && isHandle(value) ? name(value) : String(value);
}

const name = (tensor: Handle) => `#${tensor - FIRST}`;

/** conv2dForward -> conv2d_forward, its name in ops.h */
const snakeCase = (method: string) => method.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** Records the calls of `body` as a text with a title for the driver. They reach no device. */
export function recordCalls(title: string, body: (calls: RecordedCalls) => void, calls = new RecordedCalls()): string {
  useBackend(calls.addon);
  calls.add(`title ${title}`);
  body(calls);
  return `${calls.lines.join("\n")}\n`;
}
