// Views, indices, labels, tokens, strides and padding at the last value that an op accepts and the first that it refuses, on every variant and,
// emulated, on the GPU. The results there are those of the scalar kernels.
import { afterAll, describe, expect, it } from "vitest";
import type { Addon, Handle } from "../../src-main/backend/addon";
import { loadAddon } from "../../src-main/backend/load";
import { emulatedLibrary, noEmulator } from "../cuda/emulated";
import { loweredPath, noLowered } from "../ops/lowered-addon";
import { product, uniform } from "../reference/formula";
import { relativeError } from "../reference/goldens";
import { addon, nameInErrors } from "./calls";
import { type Call, callsAt, type Extents, type Spec, usual } from "./specs";

/** Where ops run. */
interface Machine {
  name: string;
  missing: string | null;
  /** The addon, which runs ops there from now on. */
  enter(): Addon;
}

const variant = (isa: string, missing: string | null = null, load = () => addon): Machine => ({
  name: isa,
  missing,
  enter() {
    const addon = load();
    addon.useCpu();
    addon.selectIsa(isa as "scalar");
    return addon;
  },
});
const scalar = variant("scalar");
const lowered = (isa: string): Machine => ({ ...variant(isa, noLowered, () => loadAddon(loweredPath)), name: `${isa}, lowered` });
const emulated: Machine = {
  name: "CUDA, emulated",
  missing: noEmulator,
  enter() {
    addon.useCuda(emulatedLibrary, 0);
    return addon;
  },
};
const isas = addon.cpuFeatures().isas;
const machines = [...isas.map((isa) => variant(isa)), lowered("avx512"), lowered("avx512_bf16"), lowered("amx"), emulated];
afterAll(() => variant(isas.at(-1)!).enter());

/** The content of an argument: of `filled` if that names it, otherwise by formula, above 0 as variances are. */
type Filled = Record<string, number | ((shape: number[]) => Int32Array)>;

/** Calls an op; what it wrote, by argument. */
function results(addon: Addon, op: string, call: Call, { filled = {}, changed = {} }: { filled?: Filled; changed?: object } = {}): Record<string, number[]> {
  const handles = new Map<string, Handle>();
  const make = (name: string, spec: Spec): unknown => {
    if (spec.kind !== "tensor") return spec.kind === "tensors" ? [] : spec.value;
    const handle = addon.alloc(spec.dtype, spec.shape);
    handles.set(name, handle);
    if (spec.dtype === "f32" && !spec.written) addon.write(handle, uniform(name, product(spec.shape), 1, 2));
    else {
      const content = filled[name] ?? 0;
      if (typeof content === "number") addon.fill({ y: handle, value: content });
      else addon.write(handle, content(spec.shape));
    }
    return handle;
  };
  try {
    const values = { ...Object.fromEntries(Object.entries(call).map(([name, spec]) => [name, make(name, spec)])), ...changed };
    (addon as unknown as Record<string, (values: object) => void>)[op]!(values);
    const written = Object.entries(call).filter(([, spec]) => spec.kind === "tensor" && spec.written);
    return Object.fromEntries(written.map(([name]) => [name, [...addon.read(handles.get(name)!)]]));
  } finally {
    for (const handle of handles.values()) addon.release(handle);
  }
}

const { T, M, K, H, W } = usual;
const LARGEST = 2 ** 31 - 1;
const pool = (kernel: number, stride: number, padding: number): Partial<Extents> => ({ window: { kernel, stride, padding } });

/** [N,P,Q,C]: the last pixel of each window of a pool, as one that maxPoolForward found. */
const lastPixels =
  (kernel: number, stride: number, padding: number) =>
  (shape: number[]): Int32Array => {
    const [, , columns, channels] = shape as [number, number, number, number];
    const rows = shape[1]!;
    const last = (place: number, extent: number) => Math.min(extent - 1, place * stride - padding + kernel - 1);
    return Int32Array.from({ length: product(shape) }, (_, i) => {
      const place = Math.floor(i / channels);
      return last(Math.floor(place / columns) % rows, H) * W + last(place % columns, W);
    });
  };

const CONVOLUTIONS = ["conv2d", "depthwiseConv2d"].flatMap((op) => ["Forward", "BackwardInput", "BackwardWeight", "NormForward"].map((part) => op + part));

/** Ops at the last value that they accept. */
const accepted: [op: string, what: string, extents: Partial<Extents>, filled?: Filled][] = [
  ...["selectTokenForward", "selectTokenBackward"].flatMap((op) => [0, T - 1].map((index): [string, string, Partial<Extents>] => [op, `${index}`, { index }])),
  ...["sliceTokensForward", "sliceTokensBackward"].flatMap((op): [string, string, Partial<Extents>][] => [
    [op, "all tokens", { begin: 0, end: T }],
    [op, "the last token", { begin: T - 1, end: T }],
    [op, "the only token", { T: 1, begin: 0, end: 1 }],
  ]),
  ...["embedTokensForward", "embedTokensBackward"].map((op): [string, string, Partial<Extents>] => [op, "one patch", { T: 2 }]),
  ...["attentionForward", "attentionBackward"].flatMap((op): [string, string, Partial<Extents>][] => [
    [op, "a query for each token", { Q: M }],
    [op, "one token", { M: 1, Q: 1 }],
  ]),
  ...CONVOLUTIONS.flatMap((op): [string, string, Partial<Extents>][] => [
    [op, "most padding", { padding: 2 }],
    [op, "a window as large as the image", { R: H, S: W, padding: 0 }],
    [op, "a window larger than the image", { H: 1, W: 1 }],
    [op, "the same padding", { H: 5, padding: "same", stride: 2 }],
    [op, "the same padding of the largest stride", { padding: "same", stride: LARGEST }],
    [op, "the same padding of a window larger than the image", { H: 1, W: 1, padding: "same" }],
    [op, "the largest stride", { stride: LARGEST }],
  ]),
  ...["maxPoolForward", "maxPoolBackward"].flatMap((op): [string, string, Partial<Extents>, Filled?][] => [
    [op, "most padding", pool(4, 1, 2), { indices: lastPixels(4, 1, 2) }],
    [op, "one pixel", pool(1, 1, 0), { indices: lastPixels(1, 1, 0) }],
    [op, "the largest stride", pool(2, LARGEST, 1), { indices: lastPixels(2, LARGEST, 1) }],
    [op, "the largest window", pool(LARGEST, 3, (LARGEST - 1) / 2), { indices: lastPixels(LARGEST, 3, (LARGEST - 1) / 2) }],
  ]),
  ...["resizeGridForward", "resizeGridBackward"].flatMap((op): [string, string, Partial<Extents>][] => [
    [op, "to one pixel", { Z: 2 }],
    [op, "from one pixel", { H: 1, W: 1 }],
  ]),
  ["oneHot", "the last class", {}, { labels: K - 1 }],
  ["oneHot", "one class", { K: 1 }, { labels: 0 }],
  ["distillationLoss", "the last class", {}, { labels: K - 1 }],
  ["assembleBatch", "the last image", {}, { indices: M - 1 }],
];

/** The first values that an op refuses. */
const refused: [op: string, argument: string, values: number[]][] = [
  ...["selectTokenForward", "selectTokenBackward"].map((op): [string, string, number[]] => [op, "index", [-1, T]]),
  ...["sliceTokensForward", "sliceTokensBackward"].flatMap((op): [string, string, number[]][] => [
    [op, "begin", [-1, T]],
    [op, "end", [usual.begin, T + 1]],
  ]),
  ...["attentionForward", "attentionBackward"].map((op): [string, string, number[]] => [op, "heads", [-1, 0, LARGEST + 1]]),
  ...CONVOLUTIONS.flatMap((op): [string, string, number[]][] => [
    [op, "stride", [0, LARGEST + 1]],
    [op, "padding", [-1, usual.R]],
  ]),
  ...["maxPoolForward", "maxPoolBackward"].flatMap((op): [string, string, number[]][] => [
    [op, "kernel", [0, LARGEST + 1]],
    [op, "stride", [0, LARGEST + 1]],
    [op, "padding", [-1, (usual.window.kernel >> 1) + 1]],
  ]),
  ["sampleViews", "crop", [-1, LARGEST + 1]],
];

describe.each(machines)("$name", ({ missing, enter }) => {
  it.for(accepted)("%s: %s", ([op, , extents, filled], { skip }) => {
    if (missing) skip(missing);
    const call = callsAt({ ...usual, ...extents })[op]!;
    const expected = results(scalar.enter(), op, call, { filled });
    const actual = results(enter(), op, call, { filled });
    for (const [name, values] of Object.entries(expected))
      expect(relativeError(Float32Array.from(actual[name]!), Float32Array.from(values)), name).toBeLessThanOrEqual(1e-5);
  });

  it.for(refused)("%s refuses %s of %j", ([op, argument, values], { skip }) => {
    if (missing) skip(missing);
    const addon = enter();
    for (const value of values)
      expect(() => results(addon, op, callsAt(usual)[op]!, { changed: { [argument]: value } })).toThrow(
        new RegExp(`^${nameInErrors(op)}: ${argument}: expected an integer from -?\\d+ to \\d+, got ${value}$`),
      );
  });

  it.for([0, 1, 64, LARGEST])("sampleViews keeps to a crop of %i", (crop, { skip }) => {
    if (missing) skip(missing);
    const call = callsAt({ ...usual, N: 100, crop }).sampleViews!;
    const expected = results(scalar.enter(), "sampleViews", call);
    const actual = results(enter(), "sampleViews", call);
    expect(actual).toEqual(expected);
    const offsets = actual.y!.filter((_, i) => i % 3 < 2);
    expect(offsets.every((offset) => Math.abs(offset) <= crop)).toBe(true);
  });

  // By a plain definition: the view of an image, computed here, and that assembled as it is.
  it.for([
    { H: 6, W: 6, Z: 6 },
    { H: 6, W: 5, Z: 4 },
  ])("assembleBatch shows any view of an image of $H x $W, at $Z pixels", ({ H, W, Z }, { skip }) => {
    if (missing) skip(missing);
    const addon = enter();
    const offsets = (side: number) => [0, 1, side - 1, side, side + 1, LARGEST].flatMap((offset) => [offset, -offset]).concat(-LARGEST - 1);
    const views = offsets(H).flatMap((top) => offsets(W).flatMap((left) => [0, 1].map((flip) => [top, left, flip] as const)));
    const image = Uint8Array.from({ length: H * W * 3 }, (_, i) => 1 + i);
    const seen = views.flatMap(([top, left, flip]) => viewOf(image, { H, W }, { top, left, flip: flip === 1 }));
    const first = new Int32Array(views.length);
    const whole = assembled(
      addon,
      { H, W, Z },
      Uint8Array.from(seen),
      first.map((_, i) => i),
      null,
    );
    expect(assembled(addon, { H, W, Z }, image, first, Int32Array.from(views.flat()))).toEqual(whole);
  });
});

/** [H,W,3]: the crop at (top, left), zeros beyond the image, then mirrored or not. */
function viewOf(image: Uint8Array, { H, W }: { H: number; W: number }, { top, left, flip }: { top: number; left: number; flip: boolean }): number[] {
  return Array.from({ length: H * W * 3 }, (_, i) => {
    const [h, w, c] = [Math.floor(i / 3 / W), Math.floor(i / 3) % W, i % 3];
    const [fromH, fromW] = [h + top, (flip ? W - 1 - w : w) + left];
    return fromH >= 0 && fromH < H && fromW >= 0 && fromW < W ? image[(fromH * W + fromW) * 3 + c]! : 0;
  });
}

function assembled(addon: Addon, { H, W, Z }: { H: number; W: number; Z: number }, pixels: Uint8Array, chosen: Int32Array, seen: Int32Array | null) {
  const filled = (dtype: "u8" | "i32", shape: number[], values: Uint8Array | Int32Array) => {
    const handle = addon.alloc(dtype, shape);
    addon.write(handle, values);
    return handle;
  };
  const images = filled("u8", [pixels.length / (H * W * 3), H, W, 3], pixels);
  const indices = filled("i32", [chosen.length], chosen);
  const views = seen && filled("i32", [chosen.length, 3], seen);
  const y = addon.alloc("f32", [chosen.length, Z, Z, 3]);
  try {
    addon.assembleBatch({ images, indices, views, y, mean: [0.5, 0.4, 0.3], std: [0.2, 0.3, 0.4] });
    return addon.read(y);
  } finally {
    for (const handle of [images, indices, y, ...(views ? [views] : [])]) addon.release(handle);
  }
}
