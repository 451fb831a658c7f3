import { beforeAll, expect, test } from "vitest";
import { loadAddon } from "../../../src-main/backend/load";
import type { TermOf } from "../../../src-main/contract/objectives";
import { createModel } from "../../../src-main/models/registry";
import { add } from "../../../src-main/tensor/ops/add";
import { scale } from "../../../src-main/tensor/ops/scale";
import { backward, fromArray, scope, useBackend } from "../../../src-main/tensor/tensor";
import { Criterion } from "../../../src-main/training/criterion";
import type { Network } from "../../../src-main/training/network";
import type { ObjectiveContext } from "../../../src-main/training/objectives/objective";
import { uniform, whole } from "../../reference/formula";
import { formulaImages } from "../../reference/models";
import { expectClose, goldens, withGradient } from "./golden";

beforeAll(() => useBackend(loadAddon()));

interface TokenCase {
  term: TermOf<"token">;
  token: number;
  loss: number;
  dhead: number[];
  dhead_dist: number[];
}

const [N, K] = [6, 10];

test.each<TokenCase>(goldens.token)("labels teach the class token's head, the teacher the distillation token's, as in DeiT: $term", (golden) => {
  scope(() => {
    const logitsOf = (name: string, size: number) => fromArray(uniform(`${name}'s logits`, N * K, size), [N, K]);
    const [head, distilled] = [withGradient(logitsOf("head", 4)), withGradient(logitsOf("head_dist", 4))];
    const model = {
      forwardFeatures: (_: unknown, names: string[]) => ({
        logits: scale(add(head, distilled), 0.5),
        features: new Map(Object.entries({ head, head_dist: distilled }).filter(([name]) => names.includes(name))),
      }),
    };
    const distillation = { labels: 0.7, terms: [golden.term], images: "all" as const, cacheTeacher: true };
    const criterion = new Criterion({ model } as unknown as Network, distillation, {} as ObjectiveContext);
    const labels = fromArray(whole("labels", N, K), [N]);
    const { loss, readings } = criterion.compute({ images: head, labels, teacher: new Map([["logits", logitsOf("teacher", 8)]]) });
    expectClose(loss.toFloat32(), [golden.loss], 2e-5);
    expectClose(readings.find(({ names }) => names.includes("token"))!.tensor.toFloat32(), [golden.token], 2e-5);
    backward(loss);
    expectClose(head.grad!.toFloat32(), golden.dhead, 2e-5);
    expectClose(distilled.grad!.toFloat32(), golden.dhead_dist, 2e-5);
  });
});

test("without such a term the labels teach the mean of both heads", () => {
  const model = createModel("deit_tiny_distilled_patch16_224", { classes: K, imageSize: 8, patchSize: 4 });
  scope(() => {
    const batch = { images: formulaImages("images", 2, 8), labels: fromArray(Int32Array.of(1, 2), [2]), teacher: new Map() };
    backward(new Criterion({ model } as Network, null, null).compute(batch).loss);
    const [head, distilled] = ["head.bias", "head_dist.bias"].map((name) => model.parameters().get(name)!.grad!.toFloat32());
    expect(distilled).toEqual(head);
  });
  model.release();
});
