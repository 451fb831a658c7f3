// The CUDA kernels against the scalar reference, on the emulator: the same sources compiled for the processor, with every memory access
// checked for races, bounds and uninitialised content. A finding makes the next read throw, with the kernel's file and line.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { attention } from "../../src-main/tensor/ops/attention";
import { backward, fromArray, scope } from "../../src-main/tensor/tensor";
import { emulatedLibrary, noEmulator } from "../cuda/emulated";
import { product } from "../reference/formula";
import { relativeError } from "../reference/goldens";
import { addon, bf16Cases, type Case, CUDA_TOLERANCES, cases, run } from "./cases";

/** Orders in which threads and blocks run: ascending, descending, shuffled. A large case, which takes seconds, runs in only one. */
const ORDERS = ["0", "1", "7"];
const LARGE = 100_000;
const elements = ({ inputs }: Case) => Object.values(inputs).reduce((sum, { shape }) => sum + product(shape), 0);
const ordersFor = (test: Case) => (elements(test) > LARGE ? ORDERS.slice(2) : ORDERS);

afterAll(() => addon.useCpu());

describe("CUDA kernels in the emulator", () => {
  it.for(cases.filter(({ large }) => !large))("$name", (test, { skip }) => {
    if (noEmulator) skip(noEmulator);
    expectLikeScalar(test, ordersFor(test), CUDA_TOLERANCES.fp32);
  });

  it.for(bf16Cases.filter(({ large }) => !large))("$name; $stored in bf16", (test, { skip }) => {
    if (noEmulator) skip(noEmulator);
    expectLikeScalar(test, ORDERS.slice(2), CUDA_TOLERANCES.bf16);
  });
});

/** The fp32 kernels with other loads and stores: on Turing, and in code for Turing that a newer GPU runs for lack of any other. */
describe.each(["capability=75", "capability=90,compiled-for=75"])("bf16 without tensor cores, %s", (settings) => {
  const SMALL = 3000;
  // Turing has too little shared memory for their gradients.
  const TOO_WIDE = "attention: heads of 128, 3 tokens";
  const multiplied = bf16Cases.filter((test) => ["linear", "conv2d", "attention"].includes(test.op) && elements(test) <= SMALL);

  beforeAll(() => {
    process.env.DISTILL_EMULATOR = settings;
  });
  afterAll(() => {
    delete process.env.DISTILL_EMULATOR;
  });

  it.for(multiplied)("$name; $stored in bf16", (test, { skip }) => {
    if (noEmulator) skip(noEmulator);
    const compared = () => expectLikeScalar(test, ORDERS.slice(2), CUDA_TOLERANCES.bf16);
    if (test.name === TOO_WIDE && settings === "capability=75")
      expect(compared).toThrow(/heads of 128 values needs 74496 bytes of shared memory, and this GPU has 65536/);
    else compared();
  });
});

// e^-logsumexp, which keys beyond the last would get, is infinite here.
describe("attention where all scores are far below zero", () => {
  it.for(["f32", "bf16"] as const)("has finite gradients in %s", (dtype, { skip }) => {
    if (noEmulator) skip(noEmulator);
    addon.useCuda(emulatedLibrary, 0);
    const [T, E] = [2, 32];
    const qkv = Float32Array.from({ length: T * 3 * E }, (_, i) => [6, -6, (i % 7) / 7][Math.floor(i / E) % 3]!);
    const gradient = scope(() => {
      const x = fromArray(qkv, [1, T, 3 * E], dtype);
      x.requiresGrad = true;
      backward(attention(x, 1), fromArray(qkv.subarray(2 * E, (2 + T) * E), [1, T, E], dtype));
      return x.grad!.toFloat32();
    });
    expect(gradient.every(Number.isFinite)).toBe(true);
    expect(gradient.some((value) => value !== 0)).toBe(true);
  });
});

function expectLikeScalar(test: Case, orders: readonly string[], tolerance: number): void {
  addon.useCpu();
  addon.selectIsa("scalar");
  const expected = run(test);
  addon.useCuda(emulatedLibrary, 0);
  for (const order of orders) {
    process.env.DISTILL_EMULATOR_ORDER = order;
    const actual = run(test);
    expect(Object.keys(actual)).toEqual(Object.keys(expected));
    for (const name in expected) expect(relativeError(actual[name]!, expected[name]!), `relative L2 error of ${name}`).toBeLessThanOrEqual(tolerance);
  }
}
