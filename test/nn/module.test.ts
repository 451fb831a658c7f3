import { describe, expect, it } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { BasicBlock } from "../../src-main/nn/basic-block";
import { BatchNorm2d } from "../../src-main/nn/batch-norm";
import { Block } from "../../src-main/nn/block";
import { Conv2d } from "../../src-main/nn/conv2d";
import { DepthwiseConv2d } from "../../src-main/nn/depthwise-conv2d";
import { Linear } from "../../src-main/nn/linear";
import { Module } from "../../src-main/nn/module";
import { sequential } from "../../src-main/nn/sequential";
import { backward, fromArray, full, noGrad, scope, useBackend } from "../../src-main/tensor/tensor";
import { uniform } from "../reference/formula";
import { relativeError } from "../reference/goldens";

const addon = loadAddon();
useBackend(addon);

class Net extends Module {
  stem = new Linear(4, 8);
  layers = [new Linear(8, 8), new Linear(8, 8)];
  norm = new BatchNorm2d(8);
}

const values = (module: Module, name: string) => Array.from(module.weights().get(name)!.toFloat32());

describe("a module", () => {
  it("names its weights by its fields, as timm does", () => {
    expect([...new BasicBlock(8, 16, 2).weights().keys()]).toEqual([
      "conv1.weight",
      "bn1.weight",
      "bn1.bias",
      "bn1.running_mean",
      "bn1.running_var",
      "conv2.weight",
      "bn2.weight",
      "bn2.bias",
      "bn2.running_mean",
      "bn2.running_var",
      "downsample.0.weight",
      "downsample.1.weight",
      "downsample.1.bias",
      "downsample.1.running_mean",
      "downsample.1.running_var",
    ]);
    expect([...new Block(8, 2).parameters()].map(([name, { shape }]) => `${name} [${shape}]`)).toEqual([
      "norm1.weight [8]",
      "norm1.bias [8]",
      "attn.qkv.weight [24,8]",
      "attn.qkv.bias [24]",
      "attn.proj.weight [8,8]",
      "attn.proj.bias [8]",
      "norm2.weight [8]",
      "norm2.bias [8]",
      "mlp.fc1.weight [32,8]",
      "mlp.fc1.bias [32]",
      "mlp.fc2.weight [8,32]",
      "mlp.fc2.bias [8]",
    ]);
    expect([...new Block(8, 2, 0.1).parameters().keys()].filter((name) => name.startsWith("ls"))).toEqual(["ls1.gamma", "ls2.gamma"]);
  });

  it("distinguishes parameters from buffers", () => {
    const net = new Net();
    expect([...net.buffers().keys()]).toEqual(["norm.running_mean", "norm.running_var"]);
    expect(net.weights().size).toBe(net.parameters().size + 2);
    expect(net.parameterCount()).toBe(4 * 8 + 8 + 2 * (8 * 8 + 8) + 2 * 8);
  });

  it("starts from values that depend only on the seed and the weight's name", () => {
    class Other extends Module {
      layers = [new Linear(2, 2), new Linear(8, 8)];
    }
    const [net, again, other, reseeded] = [new Net(), new Net(), new Other(), new Net()];
    for (const module of [net, again, other]) module.initialize(1);
    reseeded.initialize(2);

    expect(values(again, "stem.weight")).toEqual(values(net, "stem.weight"));
    expect(values(other, "layers.1.weight")).toEqual(values(net, "layers.1.weight"));
    expect(values(net, "layers.0.weight")).not.toEqual(values(net, "layers.1.weight"));
    expect(values(reseeded, "stem.weight")).not.toEqual(values(net, "stem.weight"));
  });

  it("switches all its submodules between training and evaluation", () => {
    const net = new Net();
    expect([net.training, net.norm.training]).toEqual([true, true]);
    net.eval();
    expect([net.training, net.norm.training, net.layers[1]!.training]).toEqual([false, false, false]);
    expect(net.train().norm.training).toBe(true);
  });

  it("updates its running averages in training and uses them in evaluation", () => {
    scope(() => {
      const norm = new BatchNorm2d(2);
      norm.initialize(0);
      norm.forward(full([1, 2, 2, 2], 3));
      expect(values(norm, "running_mean")[0]).toBeCloseTo(0.3, 6);
      expect(values(norm, "running_var")[0]).toBeCloseTo(0.9, 6);

      norm.eval();
      const y = norm.forward(full([1, 2, 2, 2], 3)).toFloat32();
      expect(y[0]).toBeCloseTo(2.7 / Math.sqrt(0.9 + 1e-5), 5);
      expect(values(norm, "running_mean")[0]).toBeCloseTo(0.3, 6);
      norm.release();
    });
  });

  it("normalises by running averages, in two ops with gradients, where a weight is trained in evaluation", () => {
    scope(() => {
      const [conv, norm] = [new Conv2d(2, 3, 1), new BatchNorm2d(3).eval()];
      for (const module of [conv, norm]) module.initialize(0);
      const x = full([2, 4, 4, 2], 0.5);
      const y = norm.after(conv, x, { activation: "relu" });
      expect(relativeError(noGrad(() => norm.after(conv, x, { activation: "relu" })).toFloat32(), y.toFloat32())).toBeLessThan(1e-6);
      backward(y);
      for (const weight of [conv.weight, norm.weight, norm.bias]) expect(weight.grad!.toFloat32().some((value) => value !== 0)).toBe(true);
      expect(values(norm, "running_mean")).toEqual([0, 0, 0]);
      for (const module of [conv, norm]) module.release();
    });
  });

  it.each([new Conv2d(8, 8, 3, { stride: 2, padding: "same", bias: true }), new DepthwiseConv2d(8, 3, { stride: 2, padding: "same", bias: true })])(
    "normalises after a convolution as one op in evaluation without gradients, and as it does as two",
    (conv) => {
      scope(() => {
        const norm = new BatchNorm2d(8);
        for (const module of [conv, norm]) module.initialize(0);
        const x = fromArray(uniform("x", 2 * 6 * 5 * 8), [2, 6, 5, 8]);
        const residual = fromArray(uniform("residual", 2 * 3 * 3 * 8, 6, 3), [2, 3, 3, 8]);
        for (const module of [norm, norm.eval()]) {
          const asOne = noGrad(() => module.after(conv, x, { activation: "relu6", residual })).toFloat32();
          const asTwo = module.forward(conv.forward(x), { activation: "relu6", residual }).toFloat32();
          expect(relativeError(asOne, asTwo)).toBeLessThan(1e-6);
          expect(asOne.some((y) => y === 0) && asOne.some((y) => y === 6)).toBe(true);
        }
        for (const module of [conv, norm]) module.release();
      });
    },
  );

  it("computes no gradients once they are switched off", () => {
    scope(() => {
      const linear = new Linear(2, 2).requiresGrad(false);
      expect(() => backward(linear.forward(full([1, 2], 1)))).toThrow(/without a history/);
      linear.requiresGrad(true);
      backward(linear.forward(full([1, 2], 1)));
      expect(linear.weight.grad?.shape).toEqual([2, 2]);
    });
  });

  it("keeps its weights when the scope that created it ends, and frees them on release", () => {
    const before = addon.memoryStats().inUse;
    const net = scope(() => new Net());
    net.initialize(0);
    expect(values(net, "norm.weight")).toEqual(new Array(8).fill(1));
    net.release();
    expect(addon.memoryStats().inUse).toBe(before);
  });
});

describe("sequential", () => {
  it("frees each layer's intermediate tensors when no gradients are recorded", () => {
    const blocks = Array.from({ length: 3 }, () => new Block(8, 2));
    for (const block of blocks) block.initialize(0);
    scope(() => {
      const x = full([4, 5, 8], 1);
      const before = addon.memoryStats().inUse;
      const y = noGrad(() => sequential(blocks, x, "f32"));
      expect(y.shape).toEqual([4, 5, 8]);
      const used = addon.memoryStats().inUse - before;
      scope(() => sequential(blocks, x, "f32"));
      expect(used).toBeLessThanOrEqual(3 * 4 * 4 * 5 * 8 + 3 * 64); // one output per block
    });
  });
});
