// The border of the addon: any wrong JavaScript value becomes an error that names the op and the argument, what was expected and what came.
// A crash would end the process that runs this file.
import { afterAll, describe, expect, it } from "vitest";
import { addon, anyShape, callAny, mayShare, nameInErrors, ops, type Spec, withArguments } from "./calls";

const released = addon.alloc("f32", [2]);
addon.release(released);
const scalar = addon.alloc("f32", []);
const large = addon.alloc("f32", [7, 1, 7, 1, 7, 1]);
const whole = addon.alloc("i32", [2]);
const bytes = addon.alloc("u8", [2]);
afterAll(() => [scalar, large, whole, bytes].forEach(addon.release));

const revoked = Proxy.revocable({}, {});
revoked.revoke();
const sparse = new Array(3);
const OBJECTS = [{}, "1", Symbol("x"), 10n, () => 1, new Float32Array(2), new Date(0), Object.create(null), new Proxy({}, {}), revoked.proxy];
const NOT_FINITE = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
const NOT_WHOLE = [...NOT_FINITE, 0.5, -1, -(2 ** 31), 2 ** 53 + 2, 1e300, -1e300];
const NOT_TEXTS = [...OBJECTS.filter((value) => typeof value !== "string"), undefined, null, 1, true];
const NOT_LISTS = [...OBJECTS, true, 1, 1.5, [undefined], sparse, ["1"], [{}], [[1]], new Array(2 ** 21), new Array(2 ** 32 - 1)];

/** Values that are wrong for an argument of that kind, whatever the others are. */
function wrongValues(spec: Spec): unknown[] {
  switch (spec.kind) {
    case "tensor":
      return [...OBJECTS, ...NOT_WHOLE, true, [], 0, released, 2 ** 40, spec.dtype === "u8" ? whole : bytes];
    case "tensors":
      return [...NOT_LISTS, [released], [bytes], [0], [Number.NaN], [true]];
    case "integer":
      return [...OBJECTS, ...NOT_WHOLE, true, []];
    case "choice":
      return [...OBJECTS, true, 1, Number.NaN, [], "", "RELU", "relu\0", "relu ", "x".repeat(2 ** 20)];
    case "number":
      return [...OBJECTS, ...NOT_FINITE, true, []];
    case "flag":
      return [...OBJECTS, 0, 1, Number.NaN, []];
    case "flags":
      return [...NOT_LISTS, [1], [true, true, true], []];
    case "numbers":
      return [...NOT_LISTS, [], [1, 2], [1, 2, 3, 4], [1, 2, Number.NaN], [1, 2, Number.POSITIVE_INFINITY]];
  }
}

function caught(body: () => void): unknown {
  try {
    body();
  } catch (error) {
    return error;
  }
  return undefined;
}

const isOptional = (spec: Spec) => spec.kind !== "tensors" && spec.optional;

it("has a table of everything that it exports", () => {
  const methods = Object.keys(POSITIONAL);
  expect(Object.keys(addon).sort()).toEqual([...Object.keys(ops), ...methods, "copy", "fill", "beginRecording", "endRecording"].sort());
});

describe.each(Object.entries(ops))("%s", (op, call) => {
  const failure = (values: unknown) => {
    const error = caught(() => callAny(op, values));
    if (error === undefined) return "none";
    expect(error).toBeInstanceOf(Error);
    return (error as Error).message;
  };
  const name = nameInErrors(op);

  it("accepts a correct call", () => withArguments(call, (values) => expect(failure(values)).toBe("none")));

  it.each(Object.entries(call))("checks %s", (argument, spec) => {
    const pattern = new RegExp(`^${name}: ${argument}(\\[\\d+\\])?: expected .+, got .+`, "s");
    withArguments(call, (values) => {
      for (const wrong of wrongValues(spec)) expect(failure({ ...values, [argument]: wrong })).toMatch(pattern);
      for (const nothing of [undefined, null]) {
        if (isOptional(spec)) expect(failure({ ...values, [argument]: nothing })).toBe("none");
        else expect(failure({ ...values, [argument]: nothing })).toMatch(pattern);
      }
      if (spec.kind !== "tensor" || spec.dtype !== "f32" || anyShape[op] === argument) return;
      for (const other of [scalar, large]) {
        expect(failure({ ...values, [argument]: other })).toMatch(new RegExp(`^${name}: \\w+: expected f32 .+, got f32`));
      }
    });
  });

  it("checks the object of arguments", () => {
    const expected = new RegExp(`^${name}: arguments: expected an object with one property per argument, got `);
    for (const wrong of [undefined, null, 1, "x", [], () => 1, Symbol("x"), 10n, new Uint8Array(2 ** 28), new Array(5), Object("x".repeat(101))])
      expect(failure(wrong)).toMatch(expected);
    expect(failure({})).toMatch(new RegExp(`^${name}: `));
    expect(failure(revoked.proxy)).toMatch(/proxy that has been revoked/);
    withArguments(call, (values) => {
      expect(failure({ ...values, wieght: 1 })).toMatch(new RegExp(`^${name}: wieght: no such argument, expected `));
      expect(failure(Object.assign(Object.create(null), values))).toBe("none");
      expect(failure(new Proxy(values, {}))).toBe("none");
    });
  });

  it("passes on what a getter throws, and notices what it does", () =>
    withArguments(call, (values) => {
      for (const thrown of [new Error("mine"), 1, null]) {
        const get = () => {
          throw thrown;
        };
        const hostile = Object.defineProperty({ ...values }, Object.keys(call)[0]!, { get, enumerable: true });
        expect(caught(() => callAny(op, hostile))).toBe(thrown);
      }
      const y = addon.alloc("f32", [2]);
      const late = { get: () => addon.release(y), enumerable: true };
      expect(failure(Object.defineProperty({ [Object.keys(call)[0]!]: y }, "late", late))).toMatch(new RegExp(`^${name}: `));
    }));

  it("refuses outputs that share memory", () =>
    withArguments(call, (values) => {
      for (const [a, b] of pairs(call)) {
        const written = (argument: string) => (call[argument] as { written: boolean }).written;
        const allowed = (mayShare[op] ?? []).some((pair) => pair.includes(a) && pair.includes(b));
        const message = failure({ ...values, [b]: values[a] });
        if (allowed || !(written(a) || written(b))) expect(message).toBe("none");
        else expect(message).toMatch(new RegExp(`^${name}: (${a}|${b})(\\[\\d\\])?: expected memory of its own, got that of (${a}|${b})`));
      }
    }));
});

/** Arguments that could be swapped. */
function pairs(call: Record<string, Spec>): [string, string][] {
  const names = Object.keys(call);
  const alike = (a: string, b: string) => a < b && /tensor/.test(call[a]!.kind) && JSON.stringify(shape(call[a]!)) === JSON.stringify(shape(call[b]!));
  return names.flatMap((a) => names.filter((b) => alike(a, b)).map((b): [string, string] => [a, b]));
}
const shape = (spec: Spec) => (spec.kind === "tensor" ? [spec.dtype, spec.shape] : spec.kind === "tensors" && spec.shapes);

describe("tensor content that kernels trust", () => {
  it.each([
    ["distillationLoss", "labels", 4],
    ["oneHot", "labels", 4],
    ["maxPoolBackward", "indices", 16],
    ["assembleBatch", "indices", 3],
  ])("%s checks %s", (op, argument, count) => {
    withArguments(ops[op]!, (values) => {
      for (const wrong of [-1, count, 2 ** 31 - 1, -(2 ** 31)]) {
        addon.fill({ y: values[argument] as number, value: wrong });
        expect(() => callAny(op, values)).toThrow(`${nameInErrors(op)}: ${argument}: expected values from 0 to ${count - 1}, got ${wrong} at position 0`);
      }
      addon.fill({ y: values[argument] as number, value: count - 1 });
      callAny(op, values);
    });
  });

  it.each(Object.keys(ops))("%s survives NaN", (op) => {
    withArguments(ops[op]!, (values) => {
      for (const value of [Number.NaN, Number.POSITIVE_INFINITY, -3e38, 1e-45]) {
        for (const [argument, spec] of Object.entries(ops[op]!)) {
          if (spec.kind === "tensor" && spec.dtype === "f32") addon.fill({ y: values[argument] as number, value });
        }
        callAny(op, values);
      }
    });
  });

  it.each([
    "maxPoolForward",
    "conv2dForward",
    "conv2dBackwardInput",
    "conv2dBackwardWeight",
    "depthwiseConv2dForward",
    "depthwiseConv2dBackwardInput",
    "depthwiseConv2dBackwardWeight",
  ])("%s survives the largest stride", (op) => {
    const onePixel = (name: string, spec: Spec) =>
      spec.kind === "tensor" && ["y", "dy", "indices"].includes(name) ? { ...spec, shape: [2, 1, 1, spec.shape[3]!] } : spec;
    const call = Object.fromEntries(Object.entries(ops[op]!).map(([name, spec]) => [name, onePixel(name, spec)]));
    withArguments(call, (values) => callAny(op, { ...values, stride: 2 ** 31 - 1 }));
  });
});

/** Right ones, of `fitImage`. */
const SIDES = { H: 2, W: 2, height: 2, width: 2, rows: 2, columns: 2, side: 1 };

/** Methods with positional arguments: the name of the first wrong one, and the arguments to pass. */
const POSITIONAL: Record<string, [argument: string, ...values: unknown[]][]> = {
  alloc: [
    ...[...OBJECTS, undefined, null, 1, true, "f64", "", "F32", "f32\0", "x".repeat(2 ** 20)].map((dtype): [string, ...unknown[]] => ["dtype", dtype, [1]]),
    ...[...NOT_LISTS, undefined, null, [0], [-1], [0.5], [Number.NaN], [2 ** 53], [2 ** 24, 2 ** 25], [1, 1, 1, 1, 1, 1, 1]].map(
      (shape): [string, ...unknown[]] => ["shape", "u8", shape],
    ),
  ],
  view: [
    ...wrongHandles().map((handle): [string, ...unknown[]] => ["tensor", handle, [2]]),
    ...[[], [1], [3], [2, 2], [2 ** 48], "2", undefined].map((shape): [string, ...unknown[]] => ["shape", whole, shape]),
  ],
  release: wrongHandles().map((handle) => ["tensor", handle]),
  read: wrongHandles().map((handle) => ["tensor", handle]),
  readLater: wrongHandles().map((handle) => ["tensor", handle]),
  takeRead: wrongHandles().map((read) => ["read", read]),
  replay: wrongHandles().map((recording) => ["recording", recording]),
  releaseRecording: wrongHandles().map((recording) => ["recording", recording]),
  canRecord: [],
  checksum: wrongHandles().map((handle) => ["tensor", handle]),
  checksumOf: [undefined, null, true, 1, "bytes", [1], {}, new Int32Array(1), new Uint8ClampedArray(1), new DataView(new ArrayBuffer(1))].map((array) => [
    "bytes",
    array,
  ]),
  write: [
    ...wrongHandles().map((handle): [string, ...unknown[]] => ["tensor", handle, new Int32Array(2)]),
    ...[...OBJECTS, undefined, null, [1, 2], new Int32Array(1), new Int32Array(3), new Int32Array(0), new Uint32Array(2), new BigInt64Array(2), detached()].map(
      (values): [string, ...unknown[]] => ["values", whole, values],
    ),
    ["values", bytes, new Uint8ClampedArray(2)],
    ["values", bytes, new DataView(new ArrayBuffer(2))],
  ],
  writePart: [
    ...wrongHandles().map((handle): [string, ...unknown[]] => ["tensor", handle, 0, new Uint8Array(1)]),
    ["tensor", whole, 0, new Uint8Array(1)],
    ...[undefined, null, "0", -1, 0.5, 3, Number.NaN, 2 ** 53].map((first): [string, ...unknown[]] => ["first", bytes, first, new Uint8Array(1)]),
    ...[undefined, [1], new Int32Array(1), new Uint8Array(3)].map((array): [string, ...unknown[]] => ["bytes", bytes, 0, array]),
    ["bytes", bytes, 2, new Uint8Array(1)],
  ],
  selectIsa: [...OBJECTS, undefined, null, 1, "", "AVX2", "x".repeat(2 ** 20)].map((isa) => ["isa", isa]),
  selectBf16Products: [...OBJECTS, undefined, null, 1, "", "auto", "x".repeat(2 ** 20)].map((products) => ["products", products]),
  setThreads: [...OBJECTS, ...NOT_WHOLE, undefined, null, true, 0, 1025].map((count) => ["count", count]),
  stopOn: [
    ...[...OBJECTS, undefined, 1, true, [], [0], new Int32Array(1), new Int32Array(0), detached(), resizable(), new DataView(new SharedArrayBuffer(4))],
    ...[new Int32Array(new SharedArrayBuffer(8)), new Int32Array(new SharedArrayBuffer(0)), new Uint32Array(new SharedArrayBuffer(4))],
  ].map((flag) => ["flag", flag]),
  readTable: [
    ...[undefined, null, true, 1, "bytes", [1], {}, new Int32Array(1), new Uint8ClampedArray(1), new DataView(new ArrayBuffer(1))].map(
      (array): [string, ...unknown[]] => ["bytes", array, 1],
    ),
    ...[...OBJECTS, ...NOT_WHOLE, undefined, null, true, [], 0, 1001].map((columns): [string, ...unknown[]] => ["columns", new Uint8Array(1), columns]),
  ],
  lockFile: [...OBJECTS, ...NOT_WHOLE, undefined, null, true, [], 2 ** 31, 2 ** 31 - 1].map((file) => ["file", file]),
  fitImage: [
    ...[...OBJECTS, undefined, null, 1, "", new Uint8ClampedArray(12), new Uint8Array(11), new Float32Array(12), detached()].map(
      (image): [string, ...unknown[]] => ["image", image, SIDES],
    ),
    ...[undefined, null, 1, ""].map((sides): [string, ...unknown[]] => ["sides", new Uint8Array(12), sides]),
    ...["H", "W", "height", "width", "side"].flatMap((name) =>
      [...OBJECTS, ...NOT_WHOLE, undefined, null, true, 0, 2 ** 20 + 1].map((side): [string, ...unknown[]] => [
        name,
        new Uint8Array(12),
        { ...SIDES, [name]: side },
      ]),
    ),
    ...["rows", "columns"].flatMap((name) =>
      [...OBJECTS, Number.NaN, undefined, null, true, 0.9, 3.1].map((most): [string, ...unknown[]] => [name, new Uint8Array(12), { ...SIDES, [name]: most }]),
    ),
  ],
  memoryStats: [],
  resetPeakMemory: [],
  trimMemory: [],
  cpuFeatures: [],
  threads: [],
  measureLimits: [],
  measureProducts: [],
  device: [],
  useCpu: [],
  useCuda: [
    ...NOT_TEXTS.map((library): [string, ...unknown[]] => ["library", library, 0]),
    ...[...OBJECTS, ...NOT_WHOLE, undefined, null, true, 256].map((gpu): [string, ...unknown[]] => ["gpu", "nowhere.so", gpu]),
  ],
};

function wrongHandles(): unknown[] {
  return [...OBJECTS, ...NOT_WHOLE, undefined, null, true, [], 0, released, 2 ** 40, 2 ** 53];
}

function detached(): Int32Array {
  const values = new Int32Array(2);
  structuredClone(values.buffer, { transfer: [values.buffer] });
  return values;
}

function resizable(): Int32Array {
  const Resizable = ArrayBuffer as new (length: number, options: { maxByteLength: number }) => ArrayBuffer;
  return new Int32Array(new Resizable(4, { maxByteLength: 8 }));
}

describe.each(Object.entries(POSITIONAL))("%s", (method, wrong) => {
  it(wrong.length > 0 ? "names what is wrong" : "takes no arguments", () => {
    if (wrong.length === 0) callAny(method, ...OBJECTS);
    for (const [argument, ...values] of wrong) {
      expect(() => callAny(method, ...values)).toThrow(Error);
      expect(() => callAny(method, ...values)).toThrow(new RegExp(`^${method}: ${argument}: expected .+, got .+`));
    }
  });
});

it.each(["attentionForward", "attentionBackward"])("%s accepts at most as many queries as tokens", (op) => {
  withArguments({ ...ops[op]!, y: { ...ops[op]!.y!, shape: [2, 4, 8] } as Spec }, (values) => {
    expect(() => callAny(op, values)).toThrow(`${nameInErrors(op)}: y: expected at most as many tokens as qkv has, 3, got 4`);
  });
});

it.each(["sliceTokensForward", "sliceTokensBackward"])("%s accepts only a range of existing tokens", (op) => {
  withArguments(ops[op]!, (values) => {
    expect(() => callAny(op, { ...values, begin: 5 })).toThrow("begin: expected an integer from 0 to 4, got 5");
    expect(() => callAny(op, { ...values, end: 6 })).toThrow("end: expected an integer from 4 to 5, got 6");
    expect(() => callAny(op, { ...values, end: 3 })).toThrow("end: expected an integer from 4 to 5, got 3");
  });
});

describe("copy and fill", () => {
  it("name what is wrong", () => {
    for (const wrong of wrongHandles()) {
      expect(() => callAny("copy", { from: wrong, to: whole })).toThrow(/^copy: from: expected a tensor handle, got /);
      expect(() => callAny("copy", { from: whole, to: wrong })).toThrow(/^copy: to: expected a tensor handle, got /);
      expect(() => callAny("fill", { y: wrong, value: 1 })).toThrow(/^fill: y: expected a tensor handle, got /);
    }
    expect(() => callAny("copy", { from: whole, to: bytes })).toThrow("copy: to: expected i32, got u8 [2]");
    expect(() => callAny("copy", { from: scalar, to: large })).toThrow("copy: to: expected the size of f32 [], got f32 [7,1,7,1,7,1]");
    for (const value of [...OBJECTS, ...NOT_FINITE, 0.5, -1, 256, 2 ** 40, undefined, null])
      expect(() => callAny("fill", { y: bytes, value })).toThrow(/^fill: value: expected an integer from 0 to 255, got /);
    for (const value of [2 ** 31, -(2 ** 31) - 1]) expect(() => callAny("fill", { y: whole, value })).toThrow(/^fill: value: expected an integer from /);
  });

  it("copy a tensor onto itself", () => {
    addon.write(whole, Int32Array.of(3, 4));
    addon.copy({ from: whole, to: whole });
    expect([...addon.read(whole)]).toEqual([3, 4]);
  });
});

describe("memory that is not available", () => {
  const outOfMemory = (bytesAsked: number) =>
    expect.objectContaining({ code: "OUT_OF_MEMORY", bytesAsked, message: expect.stringMatching(/^out of memory: asked for/) });

  it("is an error with a code, and the process keeps running", () => {
    expect(() => addon.alloc("f32", [2 ** 24, 2 ** 24])).toThrow(outOfMemory(2 ** 50));
    expect(() => addon.alloc("u8", [2 ** 48])).toThrow(outOfMemory(2 ** 48));
    addon.release(addon.alloc("f32", [1000]));
  });

  it("is counted in total: many tensors, none of which is too large", () => {
    const handles: number[] = [];
    const fill = () => {
      for (;;) handles.push(addon.alloc("u8", [2 ** 30]));
    };
    expect(fill).toThrow(outOfMemory(2 ** 30));
    handles.forEach(addon.release);
    addon.trimMemory();
    expect(addon.memoryStats().cached).toBe(0);
  });

  // 2^19 tokens have 2^38 scores.
  it.each(addon.cpuFeatures().isas.filter((isa) => isa !== "scalar"))("in the working memory of a kernel too: %s", (isa) => {
    const before = addon.cpuFeatures().isa;
    addon.selectIsa(isa);
    const shapes = { qkv: [1, 2 ** 19, 3], y: [1, 2 ** 19, 1], dy: [1, 2 ** 19, 1], logsumexp: [1, 1, 2 ** 19], dqkv: [1, 2 ** 19, 3] };
    const handles = Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, addon.alloc("f32", shape)]));
    expect(() => callAny("attentionBackward", { ...handles, heads: 1 })).toThrow(expect.objectContaining({ code: "OUT_OF_MEMORY" }));
    Object.values(handles).forEach(addon.release);
    addon.selectIsa(before);
  });
});

describe("calls that look correct", () => {
  // A linear congruential generator: the same calls each time.
  let state = 12345;
  const below = (count: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * count);
  };
  const pick = <T>(list: readonly T[]): T => list[below(list.length)]!;
  const SMALL = [0, 1, 2, 3, 4, 5, 6, 7, 8];

  it("but are not, in 10,000 random ways", () => {
    const handles = Array.from({ length: 300 }, () =>
      addon.alloc(
        pick(["f32", "f32", "f32", "i32", "u8"]),
        Array.from({ length: below(5) }, () => 1 + below(6)),
      ),
    );
    for (const y of handles) addon.fill({ y, value: pick([0, 1, 2]) });
    for (let i = 0; i < 10_000; i++) {
      const [op, call] = pick(Object.entries(ops));
      withArguments(call, (values) => {
        const changed = { ...values };
        for (let changes = 1 + below(3); changes > 0; changes--) {
          const name = pick(Object.keys(call));
          changed[name] = pick([pick(handles), pick(SMALL), pick(OBJECTS), pick(NOT_WHOLE), changed[pick(Object.keys(call))], [pick(handles), pick(handles)]]);
        }
        try {
          callAny(op, changed);
        } catch (error) {
          expect((error as Error).message).toMatch(new RegExp(`^${nameInErrors(op)}: \\w+(\\[\\d+\\])?: expected .+, got .+`, "s"));
        }
      });
    }
    handles.forEach(addon.release);
  });
});
