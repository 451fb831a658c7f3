/** The calls of one thread: legal ones, which must succeed, and hostile ones, which may throw only errors that say what was expected. */
import { writeSync } from "node:fs";
import type { DType, Handle } from "../../../src-main/backend/addon";
import { type Call, callsAt, type Extents, type Spec } from "../specs";
import { hostileValue, Mine, trapped } from "./hostile";
import { type Methods, methodCalls } from "./methods";
import { Random } from "./random";

/** The addon, as an untyped program sees it. */
export type Untyped = Record<string, (...values: unknown[]) => unknown>;

export interface Tensor {
  handle: Handle;
  dtype: DType;
  shape: number[];
}

export interface Place {
  seed: number;
  thread: number;
  /** The open file that gets the number of each call before it is made. */
  log: number;
  /** A flag for each thread, which stops its ops. Any thread sets any of them. */
  flags: Int32Array;
  /** The emulator of a GPU, to use instead of the processor. */
  library: string | null;
}

export interface Counts {
  /** Legal calls that succeeded, by variant and name. Threads share the selection of a variant, so a few are counted with its predecessor. */
  accepted: Record<string, Record<string, number>>;
  /** Wrong calls that were refused. */
  refused: number;
}

/** What nothing in a call may swallow: the fuzz has found something. */
class Finding extends Error {}

const REFUSALS = [
  /^\w+: .+: (expected .+, got .+|no such argument, expected .+)/s,
  /^(beginRecording|endRecording|useDevice): expected /,
  // Of JavaScript itself, about proxies.
  /proxy/i,
];
const CODES = ["OUT_OF_MEMORY", "INTERRUPTED", "CUDA_ERROR", "CUDA_UNAVAILABLE", "CUDA_OUT_OF_MEMORY"];
const MOST_TENSORS = 60;
const INTEGERS = [0, 1, 2, 3, 4, 5, 7, 8, -1, 2 ** 31 - 1, -(2 ** 31)];
const FLOATS = [0, 1, -1, 0.5, 1e-45, 1e38, Number.NaN, Infinity, -Infinity];

export class Thread {
  random: Random;
  readonly live: Tensor[] = [];
  readonly released: Handle[] = [0, 2 ** 40];
  readonly counts: Counts = { accepted: {}, refused: 0 };
  readonly #methods: Methods;
  readonly #ops: string[];
  /** How deep calls are nested in what getters do. */
  #depth = 0;
  /** What a call that makes an array reads: released meanwhile, as the likeliest to be used too long. */
  reading: Tensor | null = null;
  #number = 0;

  constructor(
    readonly addon: Untyped,
    readonly place: Place,
  ) {
    this.random = new Random(place.seed, place.thread);
    this.#methods = methodCalls(this);
    this.#ops = Object.keys(callsAt(this.#extents()));
    const missing = Object.keys(addon).filter((name) => !this.#ops.includes(name) && !(name in this.#methods) && name !== "measureLimits");
    if (missing.length > 0) throw new Error(`the fuzz does not know how to call ${missing.join(", ")}: add them to specs.ts or methods.ts`);
  }

  /** The call with a number. It depends on the seed, the thread, and the calls before it. */
  call(number: number): void {
    this.random = new Random(this.place.seed, this.place.thread, number);
    this.#number = number;
    if (this.random.once(2)) Atomics.store(this.place.flags, this.place.thread, 0);
    if (this.random.once(20)) Atomics.store(this.place.flags, this.random.below(this.place.flags.length), 1);
    try {
      if (this.random.once(4)) this.#callMethod();
      else this.#callOp(this.random.pick(this.#ops));
    } catch (error) {
      this.#expectRefusal(error);
    }
    while (this.live.length > MOST_TENSORS) this.releaseAny();
    if (this.released.length > 100) this.released.splice(0, 50);
  }

  /** Releases everything. Nothing may be in use then. */
  end(): void {
    this.addon.stopOn!(null);
    // Once, and by a single thread: it takes seconds. A GPU has no part in it.
    if (this.place.thread === 0 && !this.place.library) {
      this.addon.setThreads!(1);
      this.#log("measureLimits");
      this.#accept("measureLimits", () => this.addon.measureLimits!());
    }
    const quietly = (body: () => unknown) => {
      try {
        return body();
      } catch (error) {
        this.#expectRefusal(error);
        return undefined;
      }
    };
    quietly(() => this.addon.endRecording!());
    // Recordings and pending reads are numbered together.
    const last = this.addon.readLater!(this.alloc("u8", [1]).handle) as number;
    for (let number = 1; number <= last; number++) quietly(() => this.addon.releaseRecording!(number));
    while (this.live.length > 0) this.#release(0);
    const { inUse } = this.addon.memoryStats!() as { inUse: number };
    if (inUse !== 0) throw new Error(`${inUse} bytes are in use after all tensors were released`);
  }

  alloc(dtype: DType, shape: number[]): Tensor {
    const tensor = { handle: this.addon.alloc!(dtype, shape) as Handle, dtype, shape };
    this.live.push(tensor);
    return tensor;
  }

  anyHandle(): Handle {
    return this.live.length > 0 && !this.random.once(5) ? this.random.pick(this.live).handle : this.random.pick(this.released);
  }

  /** What getters and traps do while the addon reads arguments. */
  readonly mischief = (): void => {
    if (this.#depth > 2) return;
    this.#depth++;
    try {
      const acts = [() => this.releaseAny(), () => this.addon.trimMemory!(), () => this.#callOp(this.random.pick(this.#ops)), () => this.#callMethod()];
      for (let times = this.random.integer(1, 3); times > 0; times--) this.random.pick(acts)();
    } catch (error) {
      this.#expectRefusal(error);
    } finally {
      this.#depth--;
    }
  };

  /** One that a call is using. */
  releaseOne(tensor: Tensor): void {
    const at = this.live.indexOf(tensor);
    if (at >= 0) this.#release(at);
  }

  releaseAny(): void {
    if (this.live.length > 0) this.#release(this.random.below(this.live.length));
  }

  #release(at: number): void {
    const [tensor] = this.live.splice(at, 1);
    this.addon.release!(tensor!.handle);
    this.released.push(tensor!.handle);
  }

  #callMethod(): void {
    const [name, call] = this.random.pick(Object.entries(this.#methods));
    this.#log(name);
    if (!this.random.once(4)) {
      this.#accept(name, call);
      return;
    }
    const values = Array.from({ length: this.random.below(4) }, () => (this.random.once(2) ? this.anyHandle() : hostileValue(this.random, this.mischief)));
    this.addon[name]!(...values);
    const gone = name === "release" ? this.live.findIndex(({ handle }) => handle === values[0]) : -1;
    if (gone >= 0) this.released.push(...this.live.splice(gone, 1).map(({ handle }) => handle));
  }

  #accept(name: string, call: () => unknown): void {
    const variant = this.place.library ? "emulated GPU" : (this.addon.cpuFeatures!() as { isa: string }).isa;
    call();
    this.counts.accepted[variant] ??= {};
    const counts = this.counts.accepted[variant];
    counts[name] = (counts[name] ?? 0) + 1;
  }

  #callOp(op: string): void {
    this.#log(op);
    const { values, isLegal } = this.#correct(callsAt(this.#extents())[op]!);
    if (isLegal && this.random.once(2)) {
      this.#callLegally(op, values);
      return;
    }
    const kind = this.random.below(3);
    if (kind === 0) this.addon[op]!(trapped(values, this.random, this.mischief));
    else this.addon[op]!(this.#changed(values));
  }

  #callLegally(op: string, values: Record<string, unknown>): void {
    try {
      this.#accept(op, () => this.addon[op]!(values));
    } catch (error) {
      const { code } = error as { code?: string };
      // A recording may refuse what needs the content of tensors.
      if (code && ["INTERRUPTED", "OUT_OF_MEMORY", ...(this.place.library ? ["CUDA_ERROR", "CUDA_OUT_OF_MEMORY"] : [])].includes(code)) return;
      throw new Finding(`a legal call of ${op} failed: ${(error as Error).message}`, { cause: error });
    }
  }

  /** Some arguments become others, or something else altogether. */
  #changed(values: Record<string, unknown>): Record<string, unknown> {
    const changed = { ...values };
    const names = Object.keys(values);
    for (let times = this.random.integer(1, 2); times > 0; times--) {
      const name = this.random.pick(names);
      changed[name] = this.random.pick([
        () => this.anyHandle(),
        () => this.random.pick(INTEGERS),
        () => changed[this.random.pick(names)],
        () => hostileValue(this.random, this.mischief),
        () => undefined,
      ])();
    }
    return changed;
  }

  /** Arguments of a correct call, with tensors of their own. Some indices may be out of range: then it is not legal, but must be refused. */
  #correct(call: Call): { values: Record<string, unknown>; isLegal: boolean } {
    let isLegal = true;
    const inBf16 = this.random.once(4);
    const make = (name: string, spec: Spec): unknown => {
      if (spec.kind === "flag" && !spec.fixed) return this.random.once(2);
      if (spec.kind === "tensors") return spec.shapes.map((shape) => this.#filled("f32", shape).handle);
      if (spec.kind !== "tensor") return spec.value;
      const { handle, dtype, shape } = this.#filled(spec.activation && inBf16 ? "bf16" : spec.dtype, spec.shape);
      if (dtype === "i32" && !spec.written) {
        const values = Int32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => this.#index(name));
        this.addon.write!(handle, values);
        isLegal &&= name === "views" || values.every((value) => value === 0);
      }
      return handle;
    };
    const given = Object.entries(call).filter(([name, spec]) => !("optional" in spec && spec.optional && name !== "y" && this.random.once(2)));
    const values = Object.fromEntries(given.map(([name, spec]) => [name, make(name, spec)]));
    return { values, isLegal };
  }

  /** Of an image, a class or a pixel; or, in a view, an offset. */
  #index(name: string): number {
    if (name === "views") return this.random.once(4) ? this.random.pick(INTEGERS) : this.random.integer(-20, 20);
    return this.random.once(20) ? this.random.pick(INTEGERS) : 0;
  }

  #filled(dtype: DType, shape: number[]): Tensor {
    const tensor = this.alloc(dtype, shape);
    const isFloat = dtype === "f32" || dtype === "bf16";
    this.addon.fill!({ y: tensor.handle, value: isFloat ? this.random.pick(FLOATS) : 0 });
    return tensor;
  }

  /** Mostly small ones, as kernels under sanitizers are slow. */
  #extents(): Extents {
    const some = () => (this.random.once(10) ? this.random.integer(8, 37) : this.random.integer(1, 7));
    const [T, M, kernel] = [1 + some(), some(), this.random.integer(1, 4)];
    const [R, S] = this.random.once(2) ? [3, 3] : [this.random.integer(1, 4), this.random.integer(1, 4)];
    const begin = this.random.below(T);
    return {
      ...{ N: this.random.integer(1, 3), M, T, D: some(), K: some(), A: this.random.integer(1, 3), E: some(), Q: this.random.integer(1, M) },
      ...{ H: Math.max(some(), R, kernel), W: Math.max(some(), S, kernel), C: some(), O: some(), R, S },
      hwnc: !this.place.library && this.random.once(2),
      ...{ stride: this.random.integer(1, 3), padding: this.random.once(3) ? "same" : this.random.below(Math.min(R, S)) },
      window: { kernel, stride: this.random.integer(1, 3), padding: this.random.integer(0, kernel >> 1) },
      ...{ Z: this.random.integer(2, 9), index: this.random.below(T), begin, end: this.random.integer(begin + 1, T) },
      crop: this.random.pick([0, 1, 8, 64, 2 ** 31 - 1]),
      shapes: Array.from({ length: this.random.below(4) }, () => [some(), some()]),
    };
  }

  #log(name: string): void {
    writeSync(this.place.log, `call ${this.#number}, in ${name}`.padEnd(60), 0);
  }

  /** Throws what is no refusal in the addon's words, and nothing that JavaScript or a hostile object threw. */
  #expectRefusal(error: unknown): void {
    if (error instanceof Finding) throw error;
    const { name, message, code } = error as { name?: string; message?: string; code?: string };
    const isKnown = error instanceof Mine || REFUSALS.some((words) => words.test(message ?? "")) || CODES.includes(code ?? "");
    if (!isKnown) throw new Finding(`expected a refusal that says what was expected, got ${name} ${code ?? ""}: ${message}`, { cause: error });
    this.counts.refused++;
  }
}
