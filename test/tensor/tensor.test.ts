import { describe, expect, it } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { add } from "../../src-main/tensor/ops/add";
import { gelu } from "../../src-main/tensor/ops/gelu";
import { linear } from "../../src-main/tensor/ops/linear";
import { multiply } from "../../src-main/tensor/ops/multiply";
import { allOrNone, backward, empty, fromArray, full, keep, keepResult, noGrad, scope, type Tensor, unscoped, useBackend } from "../../src-main/tensor/tensor";

const addon = loadAddon();
useBackend(addon);

const bytesInUse = () => addon.memoryStats().inUse;

function parameter(values: number[], shape = [values.length]): Tensor {
  const tensor = fromArray(Float32Array.from(values), shape);
  tensor.requiresGrad = true;
  return tensor;
}

const gradient = (tensor: Tensor) => Array.from(tensor.grad!.toFloat32());

describe("tensors", () => {
  it("hold what was written, by type", () => {
    scope(() => {
      expect(Array.from(fromArray(new Float32Array([1.5, -2]), [2]).toFloat32())).toEqual([1.5, -2]);
      expect(Array.from(fromArray(new Int32Array([7, -8]), [2, 1]).toInt32())).toEqual([7, -8]);
      expect(Array.from(fromArray(new Uint8Array([255]), [1]).toUint8())).toEqual([255]);
      expect(() => full([1], 0).toInt32()).toThrow("expected a tensor read as Int32Array, got Float32Array");
    });
  });

  it("share memory with their reshaped views, which may outlive them", () => {
    scope(() => {
      const x = fromArray(new Float32Array([1, 2, 3, 4]), [4]);
      const y = x.reshape([2, 2]);
      x.release();
      expect(y.shape).toEqual([2, 2]);
      expect(Array.from(y.toFloat32())).toEqual([1, 2, 3, 4]);
    });
  });

  it("cannot be used after release", () => {
    const x = full([2], 1);
    x.release();
    x.release();
    expect(() => gelu(x)).toThrow(/released/);
  });
});

describe("scopes", () => {
  it("free everything created in them, including gradients", () => {
    scope(() => {
      const weight = parameter([1, 2, 3, 4], [2, 2]);
      const before = bytesInUse();
      scope(() => backward(gelu(linear(full([3, 2], 1), weight))));
      expect(bytesInUse()).toBe(before);
      expect(weight.grad).toBeNull();
    });
  });

  it("free everything when their body throws", () => {
    const before = bytesInUse();
    expect(() =>
      scope(() => {
        empty([1000]);
        throw new Error("broken");
      }),
    ).toThrow("broken");
    expect(bytesInUse()).toBe(before);
  });

  it("pass what is kept to the enclosing scope", () => {
    const before = bytesInUse();
    scope(() => {
      const kept = scope(() => keep(gelu(full([4], 0))));
      expect(Array.from(kept.toFloat32())).toEqual([0, 0, 0, 0]);
    });
    expect(bytesInUse()).toBe(before);
  });

  it("do not own what is created outside them", () => {
    const x = scope(() => scope(() => unscoped(() => full([2], 3))));
    expect(Array.from(x.toFloat32())).toEqual([3, 3]);
    x.release();
  });

  it("keep only the result if no gradients are recorded", () => {
    const made = (recorded: boolean) =>
      scope(() => {
        const x = parameter(new Array(1000).fill(1));
        const before = bytesInUse();
        const run = () => keepResult(() => gelu(gelu(gelu(x))));
        recorded ? run() : noGrad(run);
        return bytesInUse() - before;
      });
    expect(made(true)).toBe(3 * made(false));
  });
});

describe("allOrNone", () => {
  it("releases what was created outside scopes if the body throws, and nothing else", () => {
    const before = bytesInUse();
    const kept = allOrNone(() => unscoped(() => full([100], 1)));
    const fails = () =>
      allOrNone(() => {
        allOrNone(() => unscoped(() => full([100], 2)));
        throw new Error("no memory left");
      });
    expect(fails).toThrow("no memory left");
    expect(kept.toFloat32()[99]).toBe(1);
    kept.release();
    expect(bytesInUse()).toBe(before);
  });
});

describe("backward", () => {
  it("sums the gradients of all paths to an input", () => {
    scope(() => {
      const x = parameter([1, -2, 3]);
      backward(add(add(multiply(x, x), x), x)); // x^2 + 2x
      expect(gradient(x)).toEqual([4, -2, 8]);
    });
  });

  it("gives each branch of a residual its own gradient", () => {
    scope(() => {
      const x = parameter([1, 2], [1, 2]);
      const weight = parameter([1, 0, 0, 3], [2, 2]);
      const h = multiply(x, x);
      backward(linear(h, weight, null, { residual: h })); // d/dh = 1 + column sums of weight
      expect(gradient(x)).toEqual([4, 16]);
      expect(gradient(weight)).toEqual([1, 4, 1, 4]);
    });
  });

  it("passes through reshape", () => {
    scope(() => {
      const x = parameter([1, 2, 3, 4]);
      const scale = fromArray(new Float32Array([5, 6, 7, 8]), [2, 2]);
      backward(multiply(x.reshape([2, 2]), scale));
      expect(x.grad?.shape).toEqual([4]);
      expect(gradient(x)).toEqual([5, 6, 7, 8]);
    });
  });

  it("starts from the given gradient and leaves it unchanged", () => {
    scope(() => {
      const x = parameter([1, 2]);
      const dy = fromArray(new Float32Array([10, 100]), [2]);
      backward(multiply(x, x), dy);
      expect(gradient(x)).toEqual([20, 400]);
      expect(Array.from(dy.toFloat32())).toEqual([10, 100]);
    });
  });

  it("accumulates over several passes in one scope and starts fresh in the next", () => {
    scope(() => {
      const x = parameter([3]);
      scope(() => {
        backward(multiply(x, x));
        backward(multiply(x, x));
        expect(gradient(x)).toEqual([12]);
      });
      scope(() => {
        backward(multiply(x, x));
        expect(gradient(x)).toEqual([6]);
      });
    });
  });

  it("computes nothing for inputs without requiresGrad", () => {
    scope(() => {
      const x = parameter([2]);
      const frozen = full([1], 5);
      backward(multiply(x, frozen));
      expect(gradient(x)).toEqual([5]);
      expect(frozen.grad).toBeNull();
    });
  });

  it("refuses a tensor without a history", () => {
    scope(() => {
      const x = parameter([2]);
      expect(() => backward(x)).toThrow(/without a history/);
      expect(() => backward(noGrad(() => multiply(x, x)))).toThrow(/without a history/);
    });
  });

  it("frees intermediate gradients right after use", () => {
    scope(() => {
      const x = parameter(new Array(10_000).fill(1));
      let y: Tensor = x;
      for (let i = 0; i < 20; i++) y = gelu(y);
      const before = bytesInUse();
      addon.resetPeakMemory();
      backward(y);
      const oneTensor = bytesInUse() - before; // x.grad
      expect(oneTensor).toBeGreaterThanOrEqual(40_000);
      expect(addon.memoryStats().peak - before).toBeLessThanOrEqual(3 * oneTensor);
    });
  });
});
