import { expect, it } from "vitest";
import { loadAddon } from "../src-main/backend/load";
import { createModel } from "../src-main/models/registry";
import { distillationLoss, lossMetrics } from "../src-main/tensor/ops/distillation-loss";
import { type AdamWParameter, adamw } from "../src-main/tensor/ops/optimizer";
import { randomNormal } from "../src-main/tensor/ops/random";
import { backward, empty, fromArray, full, scope, useBackend } from "../src-main/tensor/tensor";

// The whole stack in ten seconds: a network memorises a batch of noise.
it("a small vision transformer overfits one batch", () => {
  useBackend(loadAddon());
  const model = createModel("vit_micro_patch4_32", { classes: 10, seed: 0 });
  const parameters: AdamWParameter[] = [...model.parameters().values()].map((value) => ({
    value,
    decay: true,
    first: full(value.shape, 0),
    second: full(value.shape, 0),
  }));
  const images = empty([16, 32, 32, 3]);
  randomNormal(images, { seed: 0, stream: 0, mean: 0, std: 1 });
  const labels = fromArray(
    Int32Array.from({ length: 16 }, (_, i) => i % 10),
    [16],
  );

  const step = (number: number) =>
    scope(() => {
      const loss = distillationLoss(model.forward(images), { labels });
      backward(loss.loss);
      adamw(parameters, { step: number, learningRate: 1e-3, weightDecay: 0 });
      return lossMetrics(loss);
    });

  let last = step(1);
  for (let number = 2; number <= 40 && last.loss > 0.05; number++) {
    last = step(number);
    if (number % 5 === 0) console.log(`step ${number}: loss ${last.loss.toFixed(4)}, ${last.correct} of 16 right`);
  }
  expect(last.correct).toBe(16);
  expect(last.loss).toBeLessThan(0.1);
});
