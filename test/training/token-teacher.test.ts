// A vision transformer as the teacher: its patch tokens are a map.
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { render } from "../../src-main/data/batches";
import type { Dataset } from "../../src-main/data/dataset";
import { noGrad, scope, useBackend } from "../../src-main/tensor/tensor";
import { AnswerCache } from "../../src-main/training/answer-cache";
import { measureChannels } from "../../src-main/training/channel-statistics";
import { type Network, renderingFor } from "../../src-main/training/network";
import { Planner } from "../../src-main/training/plan";
import { createStudent } from "../../src-main/training/student";
import { Teacher } from "../../src-main/training/teacher";
import { smallData, smallRecipe } from "./small-experiment";

let data: Dataset;
let network: Network & { hash: string };
beforeAll(() => {
  useBackend(loadAddon());
  data = smallData();
  const choice = { model: "vit_micro_patch4_32", imageSize: 8, patchSize: 4, weights: null, mean: null, std: null };
  network = { ...createStudent(choice, ["a", "b", "c"], 9), hash: "teacher" };
  network.model.eval().requiresGrad(false);
});
afterAll(() => {
  network.model.release();
  data.release();
});

const plan = () => new Planner(data.train, smallRecipe()).plan(1, 0);

/** The tokens after block 2 [N,1+4,128], the class token first. */
function tokensOf(shown: Parameters<typeof render>[1]): Float32Array[] {
  const values = scope(() =>
    noGrad(() => {
      const images = render(data.train, shown, renderingFor(network, "fp32"));
      return network.model.forwardFeatures(images, ["block2"]).features.get("block2")!.toFloat32();
    }),
  );
  return Array.from({ length: values.length / 128 }, (_, row) => values.subarray(row * 128, (row + 1) * 128));
}

test("answers with its patch tokens as a map, and the cache with the same bits", () => {
  const answersWith = (cache: AnswerCache | null) => {
    const teacher = new Teacher({ network, data, precision: "fp32", needs: { logits: false, features: [{ stage: "block2", side: 2 }] }, cache });
    const ask = () => scope(() => [...teacher.answer(plan(), false).get("block2@2")!.toFloat32()]);
    const answers = [ask(), ask()];
    teacher.release();
    return answers;
  };
  const expected = tokensOf(plan()).flatMap((token, row) => (row % 5 === 0 ? [] : [...token]));
  expect(answersWith(null)).toEqual([expected, expected]);
  expect(answersWith(new AnswerCache())).toEqual([expected, expected]);
});

test("has its channels measured over its patch tokens", async () => {
  const { mean } = await measureChannels(network, data.train, "block2", { images: 20, precision: "fp32", yieldPoint: async () => {} });
  const patches = tokensOf({ indices: Int32Array.from({ length: 20 }, (_, i) => i), views: null }).filter((_, row) => row % 5 > 0);
  for (const c of [0, 64, 127]) expect(mean[c]).toBeCloseTo(patches.reduce((sum, patch) => sum + patch[c]!, 0) / patches.length, 5);
});
