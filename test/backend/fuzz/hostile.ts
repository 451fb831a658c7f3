/** Values and objects that no sound program would pass, and that run JavaScript of their own while the addon reads them. */
import type { Random } from "./random";

/** What a hostile object throws; the addon must pass it on. */
export class Mine extends Error {}

const throws = () => {
  throw new Mine("mine");
};

const NUMBERS = [Number.NaN, Infinity, -Infinity, -1, 0, -0, 0.5, 1e308, 1e-320, 2 ** 31, 2 ** 31 - 1, -(2 ** 31), 2 ** 32, 2 ** 53, 2 ** 53 + 2, -(2 ** 63)];

/** A value of any type. `mischief` is what its getters do. */
export function hostileValue(random: Random, mischief: () => void): unknown {
  const once = () => {
    mischief();
    return 1;
  };
  return random.pick([
    () => random.pick(NUMBERS),
    () => random.pick([undefined, null, true, false, "x", "1", "__proto__", "f32\0", Symbol("s"), 10n ** 30n, () => 1, throws]),
    () => random.pick([{}, [], [[1]], [null], new Array(3), new Array(2 ** 32 - 1), new Date(0), Object.create(null), { valueOf: throws, toString: throws }]),
    () => Object.defineProperty([1, 2], random.below(2), { get: once, enumerable: true }),
    () => Object.defineProperty([1, 2], 0, { get: throws, enumerable: true }),
    () =>
      new Proxy([1, 2, 3], {
        get: (list, name) => {
          mischief();
          return Reflect.get(list, name);
        },
      }),
    () => new Proxy({}, { get: throws, ownKeys: throws }),
    () => revoked(),
    () => buffer(random),
  ])();
}

/** A buffer or a view of one, of any kind. */
export function buffer(random: Random): unknown {
  return random.pick([
    () => new Float32Array(random.below(20)),
    () => new Int32Array(random.below(20)),
    () => new Uint8ClampedArray(2),
    () => new DataView(new ArrayBuffer(8)),
    () => new Int32Array(new SharedArrayBuffer(4 * random.below(4))),
    () => new Float32Array(new SharedArrayBuffer(64)),
    () => detached(new Float32Array(random.integer(1, 16))),
    () => shrunk(random),
  ])();
}

export function detached<A extends ArrayBufferView>(view: A): A {
  structuredClone(view.buffer, { transfer: [view.buffer as ArrayBuffer] });
  return view;
}

/** A view that follows the length of its buffer, or is out of its bounds by now. */
function shrunk(random: Random): Float32Array {
  const Resizable = ArrayBuffer as unknown as new (length: number, options: { maxByteLength: number }) => ArrayBuffer & { resize(length: number): void };
  const memory = new Resizable(64, { maxByteLength: 128 });
  const view = random.once(2) ? new Float32Array(memory) : new Float32Array(memory, 0, 16);
  memory.resize(random.pick([0, 8, 64, 128]));
  return view;
}

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

/** The same arguments, but reading them does mischief, or fails, at some point. */
export function trapped(values: Record<string, unknown>, random: Random, mischief: () => void): object {
  const names = Object.keys(values);
  const name = random.pick(names);
  const value = values[name];
  const late = (result: unknown) => () => {
    mischief();
    return result;
  };
  return random.pick([
    () => Object.defineProperty({ ...values }, name, { get: late(value), enumerable: true }),
    () => Object.defineProperty({ ...values }, "late", { get: late(random.pick([undefined, null, 1])), enumerable: true }),
    () => (Array.isArray(value) ? { ...values, [name]: Object.defineProperty([...value], 0, { get: late(value[0]), enumerable: true }) } : values),
    () =>
      new Proxy(values, {
        get: (all, key) => {
          if (random.once(3)) mischief();
          return Reflect.get(all, key);
        },
      }),
    () =>
      new Proxy(values, {
        ownKeys: (all) => {
          mischief();
          return Reflect.ownKeys(all);
        },
      }),
    () => new Proxy(values, { get: throws }),
    () => new Proxy(values, { ownKeys: () => random.pick([["x"], Array.from({ length: 101 }, (_, i) => `k${i}`), names]) }),
    () => Object.create(values),
    () => Object.assign(Object.create(null), values),
  ])();
}
